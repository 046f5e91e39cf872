// Loads the package as Turbopack bundles it: what is not required by a literal is not found, and not named.
const Module = require('node:module');

const found = Module.prototype.require;
Module.prototype.require = function (request) {
  if (/castalia\.node$|^@castalia\//.test(request)) {
    throw Object.assign(new Error('Cannot find module as expression is too dynamic'), { code: 'MODULE_NOT_FOUND' });
  }
  return found.call(this, request);
};
require('castalia');
