// A server of Node's own that takes targets apart with URL, on a free port, which is the first line of its output.
"use strict";

const { createServer } = require("node:http");

const isProtected = (path) => ["/hook/exact", "/alias"].includes(path) || path.startsWith("/hook/tree/");

const server = createServer((request, response) => {
  let path = "";
  try {
    path = new URL(request.url, "http://node.example.com").pathname;
  } catch {
    // What is no URL is no path.
  }
  if (isProtected(path)) {
    response.end("protected");
  } else {
    response.writeHead(404).end("open");
  }
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
