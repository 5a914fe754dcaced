// npm's "prepare" step: compile when the compiler is there. An install without dev dependencies
// (`npm ci --omit=dev`) or from the published tarball has none, and must not fail for that.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function compilerPath() {
  try {
    const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
    const path = join(dirname(manifest), 'bin', 'tsc');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

const compiler = compilerPath();
if (compiler === undefined) {
  if (!existsSync(join(root, 'build', 'src', 'bin', 'ims-launch.js'))) {
    console.warn(
      'ims-launch: nothing was compiled, because TypeScript is not installed. ' +
        'Run "npm ci" (with dev dependencies) once in a clone, or install the published package.',
    );
  }
} else {
  // The programs, and the page that browsers load from them.
  for (const project of [root, join(root, 'src', 'dashboard', 'page')]) {
    const { status } = spawnSync(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' });
    if (status !== 0) {
      console.warn('ims-launch: the build reported errors; run "npm run build" to see them again.');
    }
  }
}
