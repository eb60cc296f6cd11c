/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the generator (bpf/harness/live_frames.bpf.c) and its driver (harness/traffic/live_thread.h) share.
 *
 * Packets lie one behind the other in slabs, the values of an array map, each with a header of its own. A
 * header of length 0, or no room for one more packet of the greatest length, ends a slab. Slabs are read in
 * turn, the first follows the last: a capture that fits is read as often as it is wanted, one that does not
 * is written into slabs that have been read.
 */
#ifndef KNETLAB_LIVE_FRAMES_ABI_H
#define KNETLAB_LIVE_FRAMES_ABI_H

#include <linux/types.h>

#define LIVE_SLAB (1 << 20)  /* bytes: what an array's value may have on any kernel is 4 MiB */
#define LIVE_MOST_FRAME 4096 /* no live frame is longer: it has one page */
#define LIVE_ALIGN 8	     /* of headers */
#define LIVE_HEADER 16	     /* bytes of struct live_record */
#define LIVE_LEAST_FRAME 14  /* an Ethernet header */

struct live_record {
	__u32 length; /* of the packet that follows; 0: the slab ends here */
	__u32 pad;
	__u64 due_ns; /* after the first packet of the round; LIVE_DUE alone reads it */
};

/* A header may begin here, and nowhere behind it. */
#define LIVE_LAST_START (LIVE_SLAB - LIVE_MOST_FRAME - LIVE_HEADER)

/* Packets of ours that a veth's ring may hold before the generator waits for its reader. The ring has room
 * for 256; the rest is for what others send, and for what is on its way there. */
#define LIVE_RING_SHARE 128
/* live_state.peer where the device is no veth, or its reader does not read: nothing is waited for. */
#define LIVE_NO_PEER 1
#define LIVE_PATIENCE_NS 1000000000ULL

enum live_pace {
	LIVE_MAX = 0,
	LIVE_RATE = 1, /* gap_fp after each packet, and byte_fp for each of its bytes */
	LIVE_DUE = 2,  /* as the records say */
};

/* One thread's; it alone runs the program. The driver maps it. */
struct live_state {
	/* Set before the run. Times with a fraction are in units of 2^-32 ns. */
	__u64 total;	/* packets to send */
	__u64 round_ns; /* what a round takes by its records */
	__u64 gap_fp;
	__u64 byte_fp;
	__u32 pace;  /* enum live_pace */
	__u32 slabs; /* in use */
	__u32 ifindex;
	__u32 notify; /* tell of slabs that were read */
	__u32 wait;   /* for the peer's reader; one thread at a time can */
	__u32 signal; /* to the thread, when all was sent: what ends the call */

	/* Written by the driver while the program runs. */
	__u64 published; /* so many slabs may be read, counted on over all rounds */
	__u32 stop;
	__u32 thread; /* id of the thread that runs the program */

	/* Written by the program. */
	__u64 offered; /* packets handed to the device */
	__u64 bytes;
	__u64 slab; /* being read, counted on over all rounds */
	__u32 slab_key;
	__u32 offset;  /* in the slab */
	__u64 base_ns; /* when the round begins */
	__u64 due_ns;
	__u32 due_fraction;
	__u32 unfit; /* packets that no frame had room for */
	__u64 first_ns;
	__u64 last_ns;
	__u64 limit;	  /* of `offered`; then it is looked how many were read */
	__u64 stalled_ns; /* since when there is no room; 0: there is */

	/* Written by the tracepoints. */
	__u64 taken;
	__u64 dropped;	  /* by the device, of those that it was given */
	__u64 refused;	  /* never given to it */
	__s32 drop_error; /* the last errno, positive; 0: no room */
	__s32 refuse_error;
	__u64 peer;   /* address of the veth's other end; 0: not known yet */
	__u64 polled; /* packets that the peer has taken out of its ring */
};

#endif
