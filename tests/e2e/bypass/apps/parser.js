// A server of Node's own that decodes a target and then takes it apart as a URL, on a free port, which is the first line of its
// output.
"use strict";

const { createServer } = require("node:http");

const server = createServer((request, response) => {
  let path = "";
  try {
    path = new URL(decodeURIComponent(request.url), "http://parser.example.com").pathname;
  } catch {
    // What cannot be decoded is no path.
  }
  if (path === "/hook/exact") {
    response.end("protected");
  } else {
    response.writeHead(404).end("open");
  }
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
