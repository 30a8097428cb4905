/** Where the tables of a process stand in its inode numbers: first row of each, at most 256 in all. */
export const TGID_DIRECTORY = 0;
export const TID_DIRECTORY = 1;
export const FD_ROW = 2;
export const FDINFO_ROW = 3;
export const MAP_FILES_ROW = 4;
export const NS_ROWS = 8;
export const ATTR_ROWS = 24;
export const TGID_ROWS = 32;
export const TID_ROWS = 128;
