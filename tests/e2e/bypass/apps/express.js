// Express on a free port, which is the first line of its output. The directory with the packages is the first argument.
"use strict";

const express = require(`${process.argv[2]}/node_modules/express`);

const app = express();
app.all("/hook/exact", (request, response) => response.send("protected"));
app.use("/hook/tree", (request, response) => response.send("protected"));
// What only this application knows to be the same handler.
app.all("/alias", (request, response) => response.send("protected"));
app.use((request, response) => response.status(404).send("open"));

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
