// Starts the islands of a page. Every page works without this script; when it runs and something does not fit, it says so
// on the root element (data-hydration) and in the console, where the browser tests look.
import init, * as islands from './islands.js';

// An island inside the children of another starts after its parent has taken over those children.
const openParents = [];

async function start(node) {
  const tag = node.localName;
  if (tag === 'leptos-island') {
    const hydrate = islands[node.dataset.component];
    if (!hydrate) throw new Error(`the wasm has no island ${node.dataset.component}: page and script are of different builds`);
    openParents.at(-1)?.();
    await hydrate(node);
  }
  if (tag === 'leptos-children') openParents.push(node.$$on_hydrate);
  for (const child of node.children) await start(child);
  if (tag === 'leptos-children') openParents.pop();
}

const mark = (state) => {
  document.documentElement.dataset.hydration = state;
};

try {
  await init({ module_or_path: new URL('./islands_bg.wasm', import.meta.url) });
  islands.hydrate();
  await start(document.body);
  mark('done');
} catch (error) {
  mark('failed');
  console.error(error);
}
