// What the filter stands in for: an Express application that verifies webhooks with Twilio's middleware.
'use strict';

const express = require('express');
const { webhook } = require('twilio');

const app = express();
// The middleware hashes the bytes of a JSON body, which Express throws away unless told otherwise.
const keep = (request, response, bytes) => { request.rawBody = bytes; };
app.use(express.json({ limit: '1mb', verify: keep }));
app.use(express.urlencoded({ extended: false, limit: '1mb' }));
app.use(webhook({ protocol: 'https', host: 'hooks.example.com' }));
app.use((request, response) => response.type('text/xml').send('<Response/>'));

const server = app.listen(process.env.PORT, process.env.HOST, (error) => {
  if (error) throw error;
  console.log(`listening on ${server.address().port}`);
});
// A connection of the pool that the proxy keeps must not end between two requests.
server.keepAliveTimeout = 600_000;
