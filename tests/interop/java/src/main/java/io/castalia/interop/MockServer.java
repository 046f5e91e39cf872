package io.castalia.interop;

import com.ctrip.framework.apollo.mockserver.ApolloTestingServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Runs the official mock server: prints its address, then executes commands from standard input,
 * whose words are separated by tabs.
 */
public final class MockServer {
  private MockServer() {}

  public static void main(String[] arguments) throws IOException {
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (ApolloTestingServer server = new ApolloTestingServer()) {
      server.start();
      print("LISTENING " + System.getProperty("apollo.config-service"));
      for (String line = orders.readLine(); line != null; line = orders.readLine()) {
        obey(server, line.split("\t", -1));
        print("DONE");
      }
    }
    System.exit(0);
  }

  private static void obey(ApolloTestingServer server, String[] words) {
    switch (words[0]) {
      case "set":
        server.addOrModifyProperty(words[1], words[2], words[3]);
        break;
      case "delete":
        server.deleteProperty(words[1], words[2]);
        break;
      case "reset":
        server.resetOverriddenProperties();
        break;
      default:
        throw new IllegalArgumentException("unknown order " + words[0]);
    }
  }

  private static void print(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
