#!/usr/bin/env bash
# Runs a command with the view of files that systemd gives to a service, in a mount namespace of its
# own: unshare --mount sandbox.sh ...
#
# usage: sandbox.sh DIRECTIVES STATE STATE_DIRECTORY UMASK BINARY FILTER COMMAND [ARGUMENT...]
#
# DIRECTIVES are those of the unit file that are switched on, separated by spaces. The command finds
# the directory STATE as /var/lib/STATE_DIRECTORY, and the programs BINARY and FILTER as castalia
# and sandbox in /usr/local/bin.
set -euo pipefail

directives=$1 state=$2 name=$3 mask=$4 binary=$5 filter=$6
shift 6

has() { [[ " $directives " == *" $1 "* ]]; }

empty() { mount -t tmpfs -o "$2" sandbox "$1"; }

# Mounts a file on a new one.
show() { : >"$2" && mount --bind "$1" "$2"; }

read_only() { mount -o remount,bind,ro "$1"; }

# Everything that is mounted now, except for devices and processes. What is below another mount
# cannot be reached.
protect_system() {
    local mounted
    for mounted in $(findmnt -rno TARGET | grep -vE '^/(dev|proc)(/|$)'); do
        mounted=$(printf %b "$mounted")
        ! mountpoint -q "$mounted" || read_only "$mounted"
    done
}

# With DynamicUser, the name is a link to a directory that only this service sees.
provide_state() {
    empty /var/lib mode=755
    mkdir -p "/var/lib/private/$name"
    ln -s "private/$name" "/var/lib/$name"
    mount --bind "$state" "/var/lib/private/$name"
    mount -o remount,bind,rw "/var/lib/private/$name"
    read_only /var/lib
}

provide_programs() {
    empty /usr/local/bin mode=755
    show "$binary" /usr/local/bin/castalia
    show "$filter" /usr/local/bin/sandbox
    read_only /usr/local/bin
}

# Without disks and the memory of the kernel.
private_devices() {
    local device
    empty /mnt mode=755
    for device in null zero full random urandom tty; do show "/dev/$device" "/mnt/$device"; done
    mkdir /mnt/shm /mnt/pts
    mount --bind /dev/shm /mnt/shm
    mount --bind /dev/pts /mnt/pts
    mount --no-mtab --move /mnt /dev
    read_only /dev
}

hide_homes() {
    local home
    for home in /home /root /run/user; do [ ! -d "$home" ] || empty "$home" mode=000,ro; done
}

processes() {
    local options=()
    ! has ProcSubset || options+=(subset=pid)
    ! has ProtectProc || options+=(hidepid=invisible)
    [ ${#options[@]} -eq 0 ] || mount -t proc -o "$(IFS=, && echo "${options[*]}")" proc /proc
}

cd /
! has ProtectSystem || protect_system
provide_state
provide_programs
! has PrivateDevices || private_devices
! has ProtectHome || hide_homes
! has PrivateTmp || { empty /tmp mode=1777 && empty /var/tmp mode=1777; }
processes
umask "$mask"
exec "$@"
