package io.castalia.interop;

import com.ctrip.framework.apollo.Config;
import com.ctrip.framework.apollo.ConfigFile;
import com.ctrip.framework.apollo.ConfigService;
import com.ctrip.framework.apollo.core.enums.ConfigFileFormat;
import com.google.gson.Gson;
import java.util.Map;
import java.util.TreeMap;

/**
 * Opens namespaces with the official client and prints the source and the values of each as a line
 * of JSON.
 */
public final class Contents {
  private Contents() {}

  public static void main(String[] namespaces) {
    for (String namespace : namespaces) {
      System.out.println(
          namespace.endsWith(".txt") ? text(namespace) : properties(namespace));
    }
    System.out.flush();
    System.exit(0);
  }

  private static String properties(String namespace) {
    Config config = ConfigService.getConfig(namespace);
    Map<String, String> values = new TreeMap<>();
    for (String key : config.getPropertyNames()) {
      values.put(key, config.getProperty(key, null));
    }
    return line(config.getSourceType(), values);
  }

  private static String text(String namespace) {
    String name = namespace.substring(0, namespace.length() - ".txt".length());
    ConfigFile file = ConfigService.getConfigFile(name, ConfigFileFormat.TXT);
    return line(file.getSourceType(), Map.of("content", file.getContent()));
  }

  private static String line(Enum<?> source, Map<String, String> values) {
    return new Gson().toJson(Map.of("source", source.name(), "values", values));
  }
}
