package io.castalia.interop;

import com.ctrip.framework.apollo.Config;
import com.ctrip.framework.apollo.ConfigService;
import com.ctrip.framework.apollo.model.ConfigChange;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Reads a key with the official client, prints it, waits for its next change, and prints that. */
public final class Reader {
  private Reader() {}

  public static void main(String[] arguments) throws InterruptedException {
    String namespace = arguments[0];
    String key = arguments[1];
    Config config = ConfigService.getConfig(namespace);
    CountDownLatch changed = new CountDownLatch(1);
    config.addChangeListener(
        event -> {
          if (event.isChanged(key)) {
            ConfigChange change = event.getChange(key);
            print("CHANGED", change.getOldValue() + " -> " + change.getNewValue());
            changed.countDown();
          }
        });
    print("VALUE", config.getProperty(key, "(none)"));
    boolean inTime = changed.await(60, TimeUnit.SECONDS);
    System.exit(inTime ? 0 : 1);
  }

  private static void print(String word, String text) {
    System.out.println(word + " " + text);
    System.out.flush();
  }
}
