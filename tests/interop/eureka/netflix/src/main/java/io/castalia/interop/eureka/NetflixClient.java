package io.castalia.interop.eureka;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.EurekaInstanceConfig;
import com.netflix.appinfo.InstanceInfo.InstanceStatus;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.shared.Application;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.TreeMap;

/**
 * Netflix's own client, configured by system properties. Each line of the input is empty or a status
 * to report, and is answered with the status that the server returns for this instance and the
 * instances that are UP. The end of the input ends the client.
 */
public final class NetflixClient {
  private NetflixClient() {}

  public static void main(String[] arguments) throws IOException {
    EurekaInstanceConfig config = new MyDataCenterInstanceConfig();
    ApplicationInfoManager manager =
        new ApplicationInfoManager(config, new EurekaConfigBasedInstanceInfoProvider(config).get());
    DiscoveryClient client = new DiscoveryClient(manager, new DefaultEurekaClientConfig(), null);
    print("started");
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      if (!order.isEmpty()) {
        manager.setInstanceStatus(InstanceStatus.valueOf(order));
      }
      TreeMap<String, Integer> known = new TreeMap<>();
      for (Application application : client.getApplications().getRegisteredApplications()) {
        known.put(application.getName(), application.getInstances().size());
      }
      print(client.getInstanceRemoteStatus() + " " + known);
    }
    client.shutdown();
    print("stopped");
    System.exit(0);
  }

  private static void print(String text) {
    System.out.println("answer " + text);
    System.out.flush();
  }
}
