// Express, Koa or Fastify with a handler for one host, on a free port, which is the first line of its output. The directory with
// the packages is the first argument, the framework the second.
"use strict";

const { createServer } = require("node:http");

const [packages, framework] = process.argv.slice(2);
const load = () => require(`${packages}/node_modules/${framework}`);
const HOST = "hooks.example.com";

const started = {
  express() {
    const app = load()();
    app.use((request, response) => {
      const isOurs = request.hostname === HOST;
      response.status(isOurs ? 200 : 404).send(isOurs ? "protected" : "open");
    });
    return createServer(app);
  },
  koa() {
    const Koa = load();
    const app = new Koa();
    app.use((context) => {
      const isOurs = context.hostname === HOST;
      context.status = isOurs ? 200 : 404;
      context.body = isOurs ? "protected" : "open";
    });
    return createServer(app.callback());
  },
  fastify() {
    let server;
    const app = load()({ serverFactory: (handler) => (server = createServer(handler)) });
    app.all("/", { constraints: { host: HOST } }, async () => "protected");
    app.setNotFoundHandler((request, reply) => reply.code(404).send("open"));
    app.ready();
    return server;
  },
}[framework]();

started.listen(0, "127.0.0.1", () => console.log(started.address().port));
