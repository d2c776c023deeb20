// A server of Node's own on a free port, which is the first line of its output. The second argument is how it finds the path of a
// request; without one it takes the target apart with URL.
"use strict";

const { createServer } = require("node:http");

const pathOf = {
  url: ({ url }) => new URL(url, "http://node.example.com").pathname,
  // Decoded, and then taken apart.
  decoded: ({ url }) => new URL(decodeURIComponent(url), "http://node.example.com").pathname,
  // Put together, and taken apart again, as adapters of several frameworks do.
  joined: ({ url, headers }) => new URL(`http://${headers["x-forwarded-host"] ?? headers.host}${url}`).pathname,
  // Case is not minded, by way of upper case.
  upper: ({ url }) => decodeURIComponent(url).toUpperCase(),
}[process.argv[3] ?? "url"];

const isProtected = (path) =>
  ["/hook/exact", "/alias", "/HOOK/OFFICES"].includes(path) || path.startsWith("/hook/tree/");

const server = createServer((request, response) => {
  let path = "";
  try {
    path = pathOf(request);
  } catch {
    // What cannot be decoded, or is no URL, is no path.
  }
  if (isProtected(path)) {
    response.end("protected");
  } else {
    response.writeHead(404).end("open");
  }
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
