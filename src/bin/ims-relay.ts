#!/usr/bin/env node
import { relayMain } from '../cli/relay.ts';

process.exit(await relayMain(process.argv.slice(2)));
