package io.castalia.interop;

import com.ctrip.framework.apollo.openapi.client.ApolloOpenApiClient;
import com.ctrip.framework.apollo.openapi.dto.NamespaceReleaseDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenAppDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenAppNamespaceDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenClusterDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenCreateAppDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenEnvClusterDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenItemDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenNamespaceDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenNamespaceLockDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenOrganizationDto;
import com.ctrip.framework.apollo.openapi.dto.OpenPageDTO;
import com.ctrip.framework.apollo.openapi.dto.OpenReleaseDTO;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Calls every method of the official client of the open API, and prints each answer on a line. */
public final class OpenApi {
  private static final String ENV = "DEV";
  private static final String APP = "java-app";
  private static final String USER = "apollo";

  private final ApolloOpenApiClient client;

  private OpenApi(String portal, String token) {
    // This machine may stop for longer than the usual timeouts.
    client =
        ApolloOpenApiClient.newBuilder()
            .withPortalUrl(portal)
            .withToken(token)
            .withConnectTimeout(60_000)
            .withReadTimeout(60_000)
            .build();
  }

  public static void main(String[] arguments) {
    OpenApi calls = new OpenApi(arguments[0], arguments[1]);
    calls.apps();
    calls.places();
    calls.items();
    calls.keysWithSlashes();
    calls.releases();
    calls.refusals();
    print("not called", Calls.missing(ApolloOpenApiClient.class, OpenApi.class));
  }

  private void apps() {
    OpenAppDTO app = new OpenAppDTO();
    app.setAppId(APP);
    app.setName("Java app");
    app.setOrgId("TEST1");
    app.setOrgName("Test");
    app.setOwnerName(USER);
    app.setOwnerEmail("apollo@acme.com");
    app.setDataChangeCreatedBy(USER);
    OpenCreateAppDTO request = new OpenCreateAppDTO();
    request.setApp(app);
    request.setAssignAppRoleToSelf(true);
    request.setAdmins(Set.of());
    client.createApp(request);
    print("getAllApps", names(client.getAllApps()));
    print("getAuthorizedApps", names(client.getAuthorizedApps()));
    print("getAppsByIds", names(client.getAppsByIds(List.of(APP, "absent"))));
    for (OpenEnvClusterDTO found : client.getEnvClusterInfo(APP)) {
      print("getEnvClusterInfo", found.getEnv() + " " + found.getClusters());
    }
    List<OpenOrganizationDto> organizations = client.getOrganizations();
    print("getOrganizations", organizations.get(0).getOrgId());
  }

  private void places() {
    OpenClusterDTO cluster = new OpenClusterDTO();
    cluster.setAppId(APP);
    cluster.setName("bj");
    cluster.setDataChangeCreatedBy(USER);
    print("createCluster", client.createCluster(ENV, cluster).getName());
    print("getCluster", client.getCluster(APP, ENV, "bj").getName());
    OpenAppNamespaceDTO definition = new OpenAppNamespaceDTO();
    definition.setAppId(APP);
    definition.setName("limits");
    definition.setFormat("json");
    definition.setDataChangeCreatedBy(USER);
    print("createAppNamespace", client.createAppNamespace(definition).getName());
    print("getNamespace", client.getNamespace(APP, ENV, null, null).getNamespaceName());
    print("getNamespaces", namespaces(client.getNamespaces(APP, ENV, "bj")));
    OpenNamespaceLockDTO lock = client.getNamespaceLock(APP, ENV, null, null);
    print("getNamespaceLock", lock.getNamespaceName() + " " + lock.isLocked());
  }

  private void items() {
    print("getItem absent", client.getItem(APP, ENV, null, null, "timeout"));
    OpenItemDTO created = client.createItem(APP, ENV, null, null, item("timeout", "100"));
    print("createItem", created.getKey() + "=" + created.getValue());
    client.updateItem(APP, ENV, null, null, item("timeout", "200"));
    client.createOrUpdateItem(APP, ENV, null, null, item("mode", "a"));
    client.createOrUpdateItem(APP, ENV, null, null, item("mode", "b"));
    print("getItem", client.getItem(APP, ENV, null, null, "timeout").getValue());
    OpenPageDTO<OpenItemDTO> page = client.findItemsByNamespace(APP, ENV, null, null, 1, 1);
    print(
        "findItemsByNamespace",
        page.getContent().get(0).getKey() + " of " + page.getTotal() + " on page " + page.getPage());
    OpenNamespaceDTO bare = client.getNamespace(APP, ENV, null, null, false);
    print("getNamespace bare", bare.getItems() == null || bare.getItems().isEmpty());
    print("getNamespaces bare", namespaces(client.getNamespaces(APP, ENV, null, false)));
  }

  private void keysWithSlashes() {
    // The last two have `/` and `+` in the standard alphabet of base64.
    for (String key : List.of("a/b", "a\\b", "/???", "/>>>")) {
      client.createItem(APP, ENV, null, null, item(key, "1"));
      client.updateItem(APP, ENV, null, null, item(key, "2"));
      client.createOrUpdateItem(APP, ENV, null, null, item(key, "3"));
      print("item " + key, client.getItem(APP, ENV, null, null, key).getValue());
      client.removeItem(APP, ENV, null, null, key, USER);
      print("removeItem " + key, client.getItem(APP, ENV, null, null, key));
    }
  }

  private void releases() {
    print("getLatestActiveRelease none", client.getLatestActiveRelease(APP, ENV, null, null));
    print("publishNamespace", configurations(publish("first")));
    client.removeItem(APP, ENV, null, null, "mode", USER);
    OpenReleaseDTO second = publish("second");
    print("publishNamespace again", configurations(second));
    client.rollbackRelease(ENV, second.getId(), USER);
    OpenReleaseDTO latest = client.getLatestActiveRelease(APP, ENV, null, null);
    print("rollbackRelease", latest.getName() + " " + configurations(latest));
    print(
        "getInstanceCountByNamespace",
        client.getInstanceCountByNamespace(APP, ENV, null, "application"));
  }

  /** A refusal is an exception whose cause contains the status and the message of the server. */
  private void refusals() {
    try {
      client.createItem(APP, ENV, null, null, item("timeout", "again"));
      print("refusal", "none");
    } catch (RuntimeException refusal) {
      print("refusal", refusal.getCause().getMessage().replaceAll("\\s+", " "));
    }
  }

  private OpenReleaseDTO publish(String title) {
    NamespaceReleaseDTO release = new NamespaceReleaseDTO();
    release.setReleaseTitle(title);
    release.setReleaseComment("comment");
    release.setReleasedBy(USER);
    return client.publishNamespace(APP, ENV, null, null, release);
  }

  private static OpenItemDTO item(String key, String value) {
    OpenItemDTO item = new OpenItemDTO();
    item.setKey(key);
    item.setValue(value);
    item.setComment("");
    item.setDataChangeCreatedBy(USER);
    item.setDataChangeLastModifiedBy(USER);
    return item;
  }

  private static String names(List<OpenAppDTO> apps) {
    return apps.stream().map(OpenAppDTO::getAppId).sorted().collect(Collectors.joining(","));
  }

  private static TreeSet<String> namespaces(List<OpenNamespaceDTO> found) {
    return found.stream()
        .map(OpenNamespaceDTO::getNamespaceName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static TreeMap<String, String> configurations(OpenReleaseDTO release) {
    return new TreeMap<>(release.getConfigurations());
  }

  private static void print(String method, Object answer) {
    System.out.println(method + ": " + answer);
  }
}
