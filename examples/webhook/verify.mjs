// Verifies a request of a webhook: signature and age. The body is read from standard input.
//
// usage: WEBHOOK_SECRET=... node verify.mjs SIGNATURE TIMESTAMP [NOW]
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

const TOLERANCE = 300; // seconds

function isValid(secret, signature, timestamp, body, now) {
  if (!/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) {
    return false; // a replay, or a clock that is wrong
  }
  const mac = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest("hex");
  const expected = Buffer.from(`sha256=${mac}`);
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const [signature, timestamp, now = Date.now() / 1000] = process.argv.slice(2);
const body = readFileSync(0);
process.exit(isValid(process.env.WEBHOOK_SECRET, signature, timestamp, body, Number(now)) ? 0 : 1);
