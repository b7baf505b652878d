// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * "if you go through ptes you really have to obey all the flags or things will break. Especially the RO
 * pte flag" (Vetter 23/16:26). KVM once did not, which is what the mails speak of; the test stands in 6.1.
 */
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const reads: Act = function* ({ read }) {
  yield* read(0);
};

/** The first write to a page has to be a fault, so entries begin read-only. */
const tracksWrites = like('test-fpfnw', 'tracks-writes', { zap: 'before-copy' });

export default [
  story({
    id: 'kvm/ignores-read-only',
    title: 'a fallback that ignores the read-only PTE',
    story:
      'The program has the buffer mapped for reading. The consumer follows the entry, takes the PFN, and ' +
      'writes: past the protection that the user set.',
    source: 'Gunthorpe 23/13:28',
    status: 'historical (KVM of before 6.1, where the test is virt/kvm/kvm_main.c:2617)',
    rules: ['R7'],
    expected: 'violated',
    exporter: exporterOf('ttm'),
    mapped: 'r',
    threads: { user: reads, kvm: consumerOf('follow-ignore-ro') },
  }),
  story({
    id: 'kvm/bypasses-write-tracking',
    title: 'the same past an exporter that tracks writes',
    story:
      'The mapping may be written, but the entry is read-only until the first write, so that the exporter ' +
      'hears of it. The consumer’s write comes first, and the exporter never does.',
    source: 'Gunthorpe 23/13:28',
    status: 'historical, against the test module’s kind fpfnw',
    rules: ['R7'],
    expected: 'violated',
    exporter: tracksWrites,
    threads: { user: reads, kvm: consumerOf('follow-ignore-ro') },
  }),
  story({
    id: 'kvm/honours-read-only',
    title: 'a fallback that obeys the read-only PTE',
    story: 'It finds the entry read-only, faults for writing, is refused, and gives up.',
    source: 'Vetter 23/16:26',
    status: 'generic consumer against real TTM',
    rules: ['R7'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    mapped: 'r',
    threads: { user: reads, kvm: consumerOf('notifier-retry') },
  }),
  story({
    id: 'kvm/honours-write-tracking',
    title: 'a fallback that obeys it past an exporter that tracks writes',
    story:
      'Its own fault for writing brings the page in read-only, for the exporter wants to hear of the first ' +
      'write by a fault of its own. The second look sees that the entry may not be written, and says so.',
    source: 'Vetter 23/16:26',
    status: 'generic consumer against the test module’s kind fpfnw',
    rules: ['R7'],
    expected: 'safe',
    exporter: tracksWrites,
    threads: { kvm: consumerOf('notifier-retry') },
  }),
];
