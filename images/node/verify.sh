# JavaScript that uses what programs use: files, streams, a server and a client, threads, WebAssembly.
set -eu
folder=$(mktemp -d)
cd "$folder"
python -c 'import json; print(json.dumps([{"city": "Oslo", "sold": 10}, {"city": "Rome", "sold": 30}]))' > sales.json

cat > sum.mjs <<'JS'
export const total = (sales) => sales.reduce((sum, { sold }) => sum + sold, 0);
JS

cat > verify.mjs <<'JS'
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { gunzipSync, gzipSync } from "node:zlib";
import { total } from "./sum.mjs";

const text = await readFile("sales.json", "utf8");
const sales = JSON.parse(text);
assert.equal(total(sales), 40);
assert.deepEqual(createRequire(import.meta.url)("./sales.json"), sales);
assert.equal(gunzipSync(gzipSync(text)).toString(), text);
assert.equal(createHash("sha256").update("").digest("hex").slice(0, 8), "e3b0c442");
assert.equal(new Intl.NumberFormat("de").format(1234.5), "1.234,5");
assert.match("Zürich", /^\p{Lu}\p{L}+$/u);

const server = createServer((_, answer) => answer.end(text)).listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
assert.deepEqual(await answer.json(), sales);
server.closeAllConnections();
server.close();

const worker = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
assert.equal(await new Promise((done) => worker.once("message", done)), 42);

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const add = Buffer.from("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b", "hex");
const { instance } = await WebAssembly.instantiate(add);
assert.equal(instance.exports.add(2, 3), 5);

await writeFile("done.json", JSON.stringify({ total: total(sales) }));
JS

node verify.mjs
python -c 'import json; assert json.load(open("done.json")) == {"total": 40}'
# As a block of JavaScript is run: a file with require(), and its exit code.
printf 'const os = require("os"); process.exit(os.cpus().length > 0 ? 3 : 1)\n' > block.js
code=0
node block.js || code=$?
test "$code" = 3
# What a download will be checked against.
test -s /etc/ssl/certs/ca-certificates.crt
rm -rf "$folder"
