/** Names below the root that are listed nowhere, made to be bind-mounted elsewhere. Apart from the trees, as who mounts them needs no more. */

/** The directory that holds the control groups. */
export const CGROUP_NAME = '.cgroup';

/** The directory that is the machine's /sys. */
export const SYSFS_NAME = '.sysfs';
