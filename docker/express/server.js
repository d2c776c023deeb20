// An application as Twilio's documentation has it: Express, with Twilio's own webhook() middleware, in three variants.
'use strict';

const express = require('express');
const { webhook } = require('twilio');

const answer = (request, response) => response.type('text/xml').send('<Response/>');
const app = express();
app.use(express.urlencoded({ extended: false }));

// By the book. Behind anything that ends TLS it takes the URL for an http one, and refuses what Twilio rightly signed.
app.post('/express/middleware', webhook(), answer);

// Told which URL Twilio dials: what each such application needs, and has to be kept true by hand.
app.post('/express/told', webhook({ protocol: 'https', host: 'hooks.example.com' }), answer);

// Behind the filter: no check, no token.
app.post('/express/unchecked', answer);

app.get('/healthz', (request, response) => response.send('ok\n'));

const server = app.listen(process.env.PORT ?? 3000, process.env.HOST ?? '0.0.0.0', (error) => {
  if (error) throw error;
  console.log(`listening on ${server.address().port}`);
});
// Process 1 of a container has no default for this.
process.on('SIGTERM', () => process.exit(0));
