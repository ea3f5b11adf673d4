var assert = require("node:assert");
var connect = require("microlock").connect;
var startEtcd = require("microlock/testkit").startEtcd;

startEtcd()
  .then((etcd) =>
    connect(etcd.address).then((locks) =>
      locks
        .run("invoices/2026-11", (hold) => {
          assert.strictEqual(hold.held, true);
        })
        .then(() => locks.close())
        .then(() => etcd.stop()),
    ),
  )
  .then(() => {
    console.log("done");
  });
