// Fastify on a free port, which is the first line of its output. The directory with the packages is the first argument.
//
// Of version 4, which ends a path at its first `;`, as restify does; later ones have to be told to.
"use strict";

const fastify = require(`${process.argv[2]}/node_modules/fastify`);

const app = fastify();
app.all("/hook/exact", async () => "protected");
app.all("/hook/tree/*", async () => "protected");
app.all("/alias", async () => "protected");
app.setNotFoundHandler((request, reply) => reply.code(404).send("open"));

app.listen({ port: 0, host: "127.0.0.1" }).then(() => console.log(app.server.address().port));
