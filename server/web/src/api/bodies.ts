// Bodies of /openapi/v1 as the UI uses them: the generated types, in which every member is optional
// as in Apollo's contract, with the members that the server always sends.
import type * as schema from "./schema";

export type {
  OpenInstanceDTO,
  OpenNamespaceLockDTO,
  OpenNamespaceSyncDTO,
  OpenNamespaceTextModel,
  Preferences,
} from "./schema";

/** A body with the members that are always present. */
type With<Body, Member extends keyof Body> = Body & Required<Pick<Body, Member>>;

export type OpenUserInfoDTO = With<schema.OpenUserInfoDTO, "userId">;

export type AccessRequest = With<schema.AccessRequest, "id" | "appId" | "roleType" | "userId" | "state">;

export type DeletedObject = With<Omit<schema.DeletedObject, "kind">, never> & {
  kind: "app" | "appNamespace" | "cluster" | "namespace";
};

export type DeletedApp = With<schema.DeletedApp, "appId">;

export type OpenOrganizationDto = With<schema.OpenOrganizationDto, "orgId" | "orgName">;

export type OpenAppDTO = With<schema.OpenAppDTO, "appId" | "name">;

/** With the revision of its details. */
export type AppDetail = OpenAppDTO & { revision: string };

export type OpenCreateAppDTO = With<schema.OpenCreateAppDTO, "app" | "admins" | "assignAppRoleToSelf">;

/** An environment that does not answer has no clusters, and `error` contains the reason. */
export type OpenEnvClusterDTO = With<schema.OpenEnvClusterDTO, "env">;

/** One save of an editor, by the kind of each edit. */
export type OpenItemChanges = Omit<schema.OpenItemChanges, "create" | "update"> & {
  create?: OpenItemDTO[];
  update?: OpenItemDTO[];
};

export type OpenAppNamespaceDTO = With<schema.OpenAppNamespaceDTO, "appId" | "name">;

/** What contains a text. */
export type FoundPlaces = Omit<schema.FoundPlaces, "apps" | "namespaces"> & {
  apps?: OpenAppDTO[];
  namespaces?: OpenAppNamespaceDTO[];
};

export type OpenItemDTO = With<schema.OpenItemDTO, "key">;

export type OpenNamespaceDTO = Omit<
  With<schema.OpenNamespaceDTO, "appId" | "clusterName" | "namespaceName">,
  "items"
> & { items?: OpenItemDTO[] };

export type NamespaceReleaseDTO = Required<schema.NamespaceReleaseDTO>;

export type OpenReleaseDTO = With<schema.OpenReleaseDTO, "id" | "appId" | "clusterName" | "namespaceName" | "name">;

export interface OpenReleaseDiffDTO {
  changes?: (With<schema.OpenReleaseChangeDTO, "key"> & { changeType: "ADDED" | "MODIFIED" | "DELETED" })[];
}
