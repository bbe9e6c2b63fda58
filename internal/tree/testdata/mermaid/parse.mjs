// Parses each diagram of a JSON list on standard input with Mermaid itself and
// prints one line for each: "ok", and the diagram's texts as JSON, or what is
// wrong with it.
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
let input = "";
for await (const chunk of process.stdin) input += chunk;
for (const diagram of JSON.parse(input)) {
  try {
    await mermaid.parse(diagram);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(diagram);
    const texts = [...db.getVertices().values()].map((v) => v.text ?? "");
    const edges = db.getEdges().map((e) => [e.start, e.end, e.text ?? ""]);
    console.log("ok\t" + JSON.stringify({ texts, edges }));
  } catch (e) {
    console.log("bad\t" + String(e).replaceAll("\n", " "));
  }
}
