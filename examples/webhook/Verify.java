import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Verifies a request of a webhook: signature and age. The body is read from standard input.
 *
 * <p>usage: WEBHOOK_SECRET=... java Verify.java SIGNATURE TIMESTAMP [NOW]
 */
public final class Verify {
  private static final long TOLERANCE = 300; // seconds

  static boolean isValid(String secret, String signature, String timestamp, byte[] body, long now)
      throws Exception {
    if (!timestamp.matches("\\d{1,18}") || Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
      return false; // a replay, or a clock that is wrong
    }
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
    mac.update((timestamp + ".").getBytes(StandardCharsets.UTF_8));
    String expected = "sha256=" + HexFormat.of().formatHex(mac.doFinal(body));
    return MessageDigest.isEqual(
        expected.getBytes(StandardCharsets.UTF_8), signature.getBytes(StandardCharsets.UTF_8));
  }

  public static void main(String[] args) throws Exception {
    long now = args.length > 2 ? Long.parseLong(args[2]) : System.currentTimeMillis() / 1000;
    byte[] body = System.in.readAllBytes();
    boolean valid = isValid(System.getenv("WEBHOOK_SECRET"), args[0], args[1], body, now);
    System.exit(valid ? 0 : 1);
  }
}
