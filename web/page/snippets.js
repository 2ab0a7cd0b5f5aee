// The ways in, to copy and paste, with this server's address and the models it really has. Names that
// a provider lists may hold any characters: in programs they are quoted, and in addresses escaped.

import { modelPath } from "./api.js";

const part = document.querySelector("#code");
const tabs = [...part.querySelectorAll("[role=tab]")];
const panel = part.querySelector("[role=tabpanel]");
const code = panel.querySelector("code");
const copy = part.querySelector("#copy");

const base = new URL(".", location.href).href.replace(/\/$/, "");
let clip = "clip", llm = "smollm2"; // until the gateway has told

const snippets = {
  curl: () => `# a picture, and what it is of
curl -O ${base}/cat.jpg
curl ${base}/${modelPath(clip)}:predict \\
  -H 'Content-Type: image/jpeg' --data-binary @cat.jpg

# a question, and the whole answer
curl ${base}/${modelPath(llm)}:predict \\
  -H 'Content-Type: application/json' \\
  -d '{"prompt": "Why is the sky blue?", "temperature": 0.2}'`,

  eventsource: () => `// try it in this page's console
const prompt = encodeURIComponent("Why is the sky blue?");
const source = new EventSource("${base}/${modelPath(llm)}/stream?temperature=0.2&prompt=" + prompt);

source.onmessage = (event) => console.log(JSON.parse(event.data).text);
source.addEventListener("done", () => source.close());
source.addEventListener("failed", (event) => {
  source.close();
  console.error(JSON.parse(event.data).message);
});`,

  python: () => `from openai import OpenAI

client = OpenAI(base_url="${base}/v1", api_key="unused")
stream = client.chat.completions.create(
    model=${JSON.stringify(llm)},
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
    temperature=0.2,
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`,

  javascript: () => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}/v1", apiKey: "unused" });
const stream = await client.chat.completions.create({
  model: ${JSON.stringify(llm)},
  messages: [{ role: "user", content: "Why is the sky blue?" }],
  temperature: 0.2,
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`,
};

export function start(models) {
  models.onChange((list) => {
    clip = list.find((model) => model.kind === "clip")?.name ?? clip;
    llm = list.find((model) => model.streaming)?.name ?? llm;
    select(tabs.find((tab) => tab.ariaSelected === "true"));
  });
  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs.at((i + step) % tabs.length);
      select(next);
      next.focus();
    });
  }
  copy.addEventListener("click", async () => {
    getSelection().selectAllChildren(code); // what is selected can be copied by hand where the page may not
    await navigator.clipboard?.writeText(code.textContent);
    copy.textContent = navigator.clipboard ? "Copied" : "Selected";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
}

function select(tab) {
  for (const each of tabs) {
    each.ariaSelected = String(each === tab);
    each.tabIndex = each === tab ? 0 : -1;
  }
  panel.setAttribute("aria-labelledby", tab.id);
  code.textContent = snippets[tab.dataset.snippet]();
}
