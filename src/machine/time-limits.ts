/** How much virtual time may pass at once: more is a slip of the pen, and would keep its writer waiting for hours. */
export const MAX_ADVANCE_DAYS = 366;
export const MAX_ADVANCE_US = MAX_ADVANCE_DAYS * 86_400e6;
