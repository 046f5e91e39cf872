package io.castalia.interop.eureka;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;

/** An Eureka server of Spring Cloud, as its guide describes it, configured by arguments. */
@SpringBootApplication
@EnableEurekaServer
public class SpringServer {
  public static void main(String[] arguments) {
    SpringApplication.run(SpringServer.class, arguments);
  }
}
