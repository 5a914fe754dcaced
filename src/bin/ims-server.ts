#!/usr/bin/env node
import { serverMain } from '../cli/server.ts';

process.exit(await serverMain(process.argv.slice(2)));
