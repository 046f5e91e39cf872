package io.castalia.interop.eureka;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.netflix.eureka.serviceregistry.EurekaRegistration;
import org.springframework.cloud.netflix.eureka.serviceregistry.EurekaServiceRegistry;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * A Spring Cloud application without a web server, configured by arguments. Each line of the input is
 * empty or a status to set, and is answered with the status at the server and the services that the
 * application finds; both calls are those of the actuator endpoint serviceregistry. The end of the
 * input ends the application.
 */
@SpringBootApplication
public class SpringClient {
  public static void main(String[] arguments) throws IOException {
    ConfigurableApplicationContext context =
        SpringApplication.run(SpringClient.class, arguments);
    EurekaServiceRegistry registry = context.getBean(EurekaServiceRegistry.class);
    EurekaRegistration registration = context.getBean(EurekaRegistration.class);
    DiscoveryClient client = context.getBean(DiscoveryClient.class);
    print("started");
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      if (!order.isEmpty()) {
        registry.setStatus(registration, order);
      }
      TreeMap<String, Integer> known = new TreeMap<>();
      for (String service : client.getServices()) {
        known.put(service, client.getInstances(service).size());
      }
      print(new TreeMap<>((Map<?, ?>) registry.getStatus(registration)) + " " + known);
    }
    context.close();
    print("stopped");
    System.exit(0);
  }

  private static void print(String text) {
    System.out.println("answer " + text);
    System.out.flush();
  }
}
