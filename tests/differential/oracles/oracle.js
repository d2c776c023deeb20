"use strict";
// Judges requests with Twilio's Node library, in two ways: by its functions, asked on standard input and answered on
// standard output (one JSON array a line), and by its middleware, in an Express application on a port of its own, whose
// number is the first line of the output.

const querystring = require("querystring");
const readline = require("readline");
const express = require("express");
const twilio = require("twilio");

const text = (base64) => Buffer.from(base64, "base64").toString("utf8");

// One reading of a request: with a body, with a form or a query as parameters, or with the URL alone.
function validates({ token, signature }, { url, body, params }) {
  if (body !== undefined) {
    return twilio.validateRequestWithBody(token, signature, url, text(body));
  }
  return twilio.validateRequest(token, signature, url, params === undefined ? {} : querystring.parse(text(params)));
}

// What the library throws is no acceptance: an application would answer 500.
function judge(request) {
  return request.readings.map((reading) => {
    try {
      return validates(request, reading);
    } catch (error) {
      return String(error);
    }
  });
}

const keep = { verify: (request, response, buffer) => { request.rawBody = buffer; } };
const hooks = {};
const app = express();
app.set("env", "test");
app.use(express.urlencoded({ extended: false, ...keep }));
app.use(express.json(keep));
app.use(express.raw({ type: () => true, ...keep }));
// What a developer behind a proxy configures by hand, each request brings along here.
app.use((request, response, next) => {
  const { "x-oracle-protocol": protocol, "x-oracle-token": token } = request.headers;
  hooks[protocol + token] ??= twilio.webhook({ protocol }, token);
  hooks[protocol + token](request, response, next);
});
app.use((request, response) => response.status(200).send("verified"));

const server = app.listen(0, "127.0.0.1", () => {
  console.log(server.address().port);
  readline.createInterface({ input: process.stdin })
    .on("line", (line) => console.log(JSON.stringify(JSON.parse(line).map(judge))))
    .on("close", () => process.exit(0));
});
