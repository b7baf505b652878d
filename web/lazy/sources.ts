// SPDX-License-Identifier: GPL-2.0-or-later
/** The text of the stories and of the kernel model; a script of its own, loaded when it is read. */
import model from 'model:sources';
import { TEXTS } from '../../src/scenarios/catalogue/texts.gen.ts';

globalThis.pfnmapSources = { stories: TEXTS, model };
