// Exports the public names of the package for `require`. `index.mjs` re-exports them, so that a
// program that uses both module systems has one copy of every class.
'use strict';

const { Client } = require('./lib/client.cjs');
const { Config } = require('./lib/config.cjs');
const { ConfigFile } = require('./lib/config-file.cjs');
const { CastaliaError } = require('./lib/error.cjs');
const { ChangeEvent } = require('./lib/event.cjs');
const { setLog } = require('./lib/log.cjs');
const { native } = require('./lib/native.cjs');
const { Settings } = require('./lib/settings.cjs');
const { Snapshot } = require('./lib/snapshot.cjs');
const { Subscription } = require('./lib/subscription.cjs');
const { Watch } = require('./lib/watch.cjs');

const ErrorKind = Object.freeze(Object.fromEntries(native.errorKinds()));
const version = native.VERSION;

module.exports = {
  CastaliaError,
  ChangeEvent,
  Client,
  Config,
  ConfigFile,
  ErrorKind,
  Settings,
  Snapshot,
  Subscription,
  Watch,
  setLog,
  version,
};
