// Registers with eureka-js-client at the server of the first argument, under a name in lower case;
// the second one is the interval of heartbeats in seconds. Answers each line of its input with the
// apps that it knows and the number of their instances; deregisters at the end of its input.

import { createInterface } from "node:readline";
import eureka from "eureka-js-client";

const interval = Number(process.argv[3]);
const client = new eureka.Eureka({
  eureka: {
    serviceUrls: { default: [`${process.argv[2]}apps/`] },
    heartbeatInterval: interval * 1000,
    registryFetchInterval: interval * 1000,
    maxRetries: 1,
  },
  instance: {
    app: "js-demo",
    instanceId: "js-demo:9091",
    hostName: "127.0.0.1",
    ipAddr: "127.0.0.1",
    port: { $: 9091, "@enabled": true },
    vipAddress: "js-demo",
    dataCenterInfo: {
      "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
      name: "MyOwn",
    },
    // A busy machine may not run this program for seconds.
    leaseInfo: { renewalIntervalInSecs: interval, durationInSecs: 90 },
  },
});

function answer(value) {
  console.log(`answer ${value}`);
}

client.start((error) => {
  answer(error ? `failed ${error}` : "started");
  const orders = createInterface({ input: process.stdin });
  orders.on("line", () => {
    const known = Object.entries(client.cache.app).map(([name, all]) => [name, all.length]);
    answer(JSON.stringify(Object.fromEntries(known)));
  });
  orders.on("close", () => client.stop((error) => answer(error ? `failed ${error}` : "stopped")));
});
