// The package has the same types for `require`.
import castalia = require('castalia');

const client: castalia.Client = new castalia.Client({ 'app.id': 'order' });
client.config('application').then((config) => config.getInt('a', 5).toFixed());

import openfeature = require('castalia/openfeature');
import testing = require('castalia/testing');

const fake: castalia.Client = new testing.FakeClient({ application: { a: true } });
fake.config('application').then((config) => new openfeature.CastaliaProvider(config).onClose());
