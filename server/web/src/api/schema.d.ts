// Bodies of /openapi/v1 that the UI reads or writes, under the names of the contract.
// The server leaves out null members, so everything that can be null is optional here.

interface Audit {
  dataChangeCreatedBy?: string;
  dataChangeCreatedByDisplayName?: string;
  dataChangeLastModifiedBy?: string;
  dataChangeLastModifiedByDisplayName?: string;
  dataChangeCreatedTime?: string;
  dataChangeLastModifiedTime?: string;
}

export interface OpenUserInfoDTO {
  userId: string;
  name?: string;
  email?: string;
  enabled?: number;
}

export interface OpenOrganizationDto {
  orgId: string;
  orgName: string;
}

export interface OpenAppDTO extends Audit {
  appId: string;
  name: string;
  orgId?: string;
  orgName?: string;
  ownerName?: string;
  ownerDisplayName?: string;
}

export interface OpenCreateAppDTO {
  assignAppRoleToSelf: boolean;
  admins: string[];
  app: OpenAppDTO;
}

/** An environment that cannot be asked has no clusters, and `error` says why. */
export interface OpenEnvClusterDTO {
  env: string;
  clusters?: string[];
  error?: string;
}

export interface OpenAppNamespaceDTO extends Audit {
  name: string;
  appId: string;
  format?: string;
  isPublic?: boolean;
  comment?: string;
}

export interface OpenItemDTO extends Audit {
  key: string;
  value?: string;
  /** 0 string, 1 number, 2 boolean, 3 JSON */
  type?: number;
  comment?: string;
  lineNum?: number;
  extendInfo?: {
    isModified?: boolean;
    isDeleted?: boolean;
    isNewlyAdded?: boolean;
    oldValue?: string;
    newValue?: string;
  };
}

export interface OpenNamespaceDTO extends Audit {
  appId: string;
  clusterName: string;
  namespaceName: string;
  comment?: string;
  format?: string;
  isPublic?: boolean;
  items?: OpenItemDTO[];
  extendInfo?: { isConfigHidden?: boolean; parentAppId?: string; itemModifiedCnt?: number };
}

export interface NamespaceReleaseDTO {
  releaseTitle: string;
  releaseComment: string;
  releasedBy: string;
  isEmergencyPublish: boolean;
}

export interface OpenReleaseDTO extends Audit {
  id: number;
  appId: string;
  clusterName: string;
  namespaceName: string;
  name: string;
  comment?: string;
  configurations?: Record<string, string>;
}

export interface OpenReleaseDiffDTO {
  changes?: { changeType: "ADDED" | "MODIFIED" | "DELETED"; key: string; oldValue?: string; newValue?: string }[];
}
