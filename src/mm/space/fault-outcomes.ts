/** Outcomes of an access. The first three succeed. */
export const FAULT_NONE = 0;
export const FAULT_MINOR = 1;
export const FAULT_MAJOR = 2;
export const FAULT_OOM = -1;
/** No mapping there, or its protection forbids the access. */
export const FAULT_SIGSEGV = -2;
/** Beyond the end of the file, or a page of a volatile range that was thrown away. */
export const FAULT_SIGBUS = -3;
