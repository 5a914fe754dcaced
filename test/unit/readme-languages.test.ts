/** README.zh-CN.md says the same first five minutes: what one types and what is printed must not drift apart. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

const ENGLISH = readFileSync(join(projectRoot, 'README.md'), 'utf8');
const CHINESE = readFileSync(join(projectRoot, 'README.zh-CN.md'), 'utf8');

function codeBlocks(text: string): string[] {
  return Array.from(text.matchAll(/^```[\s\S]*?^```$/gm), ([block]) => block);
}

function section(text: string, title: string): string {
  const from = text.indexOf(`## ${title}\n`);
  assert.notEqual(from, -1, `no section "${title}"`);
  const to = text.indexOf('\n## ', from);
  return text.slice(from, to === -1 ? undefined : to);
}

test('the first five minutes are the same commands and the same output in both languages', () => {
  const english = codeBlocks(section(ENGLISH, 'A call in five minutes'));
  assert.deepEqual(codeBlocks(section(CHINESE, '五分钟打通第一个电话')), english);
  assert.ok(english.length >= 4);
});

test('the Chinese page shows no command that the English one does not', () => {
  const known = new Set(codeBlocks(ENGLISH));
  assert.deepEqual(
    codeBlocks(CHINESE).filter((block) => !known.has(block)),
    [],
  );
});

test('each page links to the other, and the Chinese one to sections that exist', () => {
  assert.ok(ENGLISH.includes('(README.zh-CN.md)'));
  assert.ok(CHINESE.includes('[English](README.md)'));
  const anchors = new Set(
    Array.from(ENGLISH.matchAll(/^##+ (.+)$/gm), ([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  const linked = Array.from(CHINESE.matchAll(/\]\(README\.md#([^)]+)\)/g), ([, anchor = '']) => anchor);
  assert.ok(linked.length > 0);
  assert.deepEqual(
    linked.filter((anchor) => !anchors.has(anchor)),
    [],
  );
});
