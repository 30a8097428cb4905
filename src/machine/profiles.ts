/** The dialects of the reclaim interface: what may be written, and the rules of the model that differ (native-notes/dialects.md). */
import type { Rules } from '../mm/rules.ts';

/** The dialects of the reclaim interface. */
export const PROFILE_NAMES = [
  '2013',
  '2013-05',
  '2013-04',
  '2016-06',
  'chromeos',
  'linux-6.18',
  'all-mappings',
] as const;
/** A dialect of the reclaim interface. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** What the text of a write may be. */
export interface Grammar {
  /** `file`, `anon`, `all`. */
  readonly words: boolean;
  /** `1`, `2`, `3`. */
  readonly numbers: boolean;
  /** `ADDR LEN`, both kinds of memory. */
  readonly range: boolean;
  /** `4`, `5`, `6` followed by ADDR LEN: file, anon, all. */
  readonly numberedRange: boolean;
  /** `shmem`. */
  readonly shmem: boolean;
  /** Most bytes looked at; what is longer is cut, and the shorter count returned. */
  readonly maxBytes: number;
  /** Numbers are decimal only, without suffix. */
  readonly decimalOnly: boolean;
  /** Longer writes are refused instead of cut. */
  readonly refuseLong: boolean;
}

export interface Profile {
  readonly name: ProfileName;
  readonly about: string;
  readonly grammar: Grammar;
  readonly rules: Rules;
}

const WORDS: Grammar = {
  words: true,
  numbers: false,
  range: true,
  numberedRange: false,
  shmem: false,
  maxBytes: 199,
  decimalOnly: false,
  refuseLong: false,
};
const RULES: Rules = {
  sharedPages: 'this-mapping',
  asMadvise: false,
  startsFlusher: true,
  zramFreesSlot: false,
  shmemInSmapsSwap: false,
  zeroPagesWithoutIo: false,
};

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  '2013': {
    name: '2013',
    about: 'the interface as described in 2013, in all its spellings (default)',
    grammar: { ...WORDS, numbers: true, numberedRange: true },
    // The goldens that hold for both kinds of kernel free the slot; the exact series keep it, as kernels of their day did.
    rules: { ...RULES, zramFreesSlot: true },
  },
  '2013-05': { name: '2013-05', about: 'series v5, as Android kernels shipped it', grammar: WORDS, rules: RULES },
  '2013-04': {
    name: '2013-04',
    about: 'as first posted: numbers only',
    grammar: {
      ...WORDS,
      words: false,
      numbers: true,
      range: false,
      numberedRange: true,
      decimalOnly: true,
      refuseLong: true,
    },
    rules: RULES,
  },
  '2016-06': {
    name: '2016-06',
    about: 'the resubmission of 2016: 1, 2, 3; shared pages are left alone',
    grammar: { ...WORDS, words: false, numbers: true, range: false, maxBytes: 12 },
    rules: { ...RULES, sharedPages: 'skip' },
  },
  chromeos: {
    name: 'chromeos',
    about: '2013-05 and the word shmem',
    grammar: { ...WORDS, shmem: true },
    rules: RULES,
  },
  'linux-6.18': {
    name: 'linux-6.18',
    about: 'the words carried out as process_madvise(MADV_PAGEOUT) by root, as Linux 6.18 does it',
    grammar: WORDS,
    rules: {
      sharedPages: 'skip',
      asMadvise: true,
      startsFlusher: false,
      zramFreesSlot: true,
      shmemInSmapsSwap: true,
      zeroPagesWithoutIo: true,
    },
  },
  'all-mappings': {
    name: 'all-mappings',
    about: '2013 without its shared-page patch: a page is taken from every process at once',
    grammar: WORDS,
    rules: { ...RULES, sharedPages: 'all-mappings' },
  },
};
