/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the ledger's tracer (bpf/harness/ledger.bpf.c) and its reader (harness/measure/) share: the facts
 * about one packet. The tracer only notes facts; what they mean for the packet's fate is decided in user
 * space.
 */
#ifndef KNETLAB_LEDGER_ABI_H
#define KNETLAB_LEDGER_ABI_H

#include <linux/types.h>

#include "bpf/include/histogram_abi.h"

#define LEDGER_ACCOUNTS 64 /* runs that one tracer can follow at once */
#define LEDGER_RANGES 4	   /* address ranges a location class can have */
#define LEDGER_MARKS 4	   /* hooks of which one packet's record keeps the time */

/* Whose packet. */
enum ledger_owner {
	OWNER_NONE = 0,
	OWNER_OURS = 1,	      /* sent by a source of the account */
	OWNER_BACKGROUND = 2, /* the kernel's or another program's, in a namespace of the account */
};

/* Where a packet was last seen. Up to STAGE_GRO it is in transit: another event is certain to come. */
enum ledger_stage {
	STAGE_UNSEEN = 0,  /* ended before the first event of its own */
	STAGE_QUEUE = 1,   /* handed to a device for sending: qdisc */
	STAGE_XMIT = 2,	   /* given to the driver; on a veth it may sit in the peer's ring */
	STAGE_BACKLOG = 3, /* netif_rx: waits for the CPU's backlog */
	STAGE_GRO = 4,	   /* napi_gro_receive */
	STAGE_STACK = 5,   /* netif_receive_skb: generic XDP, taps, TC ingress, protocols */
	STAGE_SOCKET = 6,  /* a socket was told about it */
	STAGE_XDP = 7,	   /* native XDP copied it; the copy has not shown itself yet */
	STAGE_FRAME = 8,   /* left native XDP as a frame: XDP_TX or a redirect */
	STAGE_COPY = 9,	   /* generic XDP copied it; the copy has not shown itself yet */
};

/* How a packet's record ended. */
enum ledger_end {
	END_LIVE = 0,	   /* it did not: still waiting when the account was closed */
	END_KFREE = 1,	   /* kfree_skb, with reason and location */
	END_CONSUME = 2,   /* consume_skb, with location */
	END_SILENT = 3,	   /* its memory was used again without an event */
	END_XDP = 4,	   /* native XDP freed it */
	END_XDP_ERROR = 5, /* XDP_TX or a redirect failed; reason is the errno */
};

/* What happened on the way. */
#define VIA_XDP_TX 0x01
#define VIA_XDP_REDIRECT 0x02
#define VIA_TC_REDIRECT 0x04	/* went to a device without a route, or not to the one it was sent out of */
#define VIA_FORWARD 0x08	/* went to a device from the stack with a route */
#define VIA_WATCHED_SOCKET 0x10 /* the account's watched packet socket took a copy */
#define VIA_EXCEPTION 0x20	/* xdp_exception came; act says for which verdict */

struct ledger_path {
	__u32 account;
	__u32 netns; /* inode number of the namespace it was last seen in */
	__u32 ifindex;
	__u32 via_netns; /* where VIA_XDP_* or VIA_TC_REDIRECT happened */
	__u32 via_ifindex;
	__u32 visited;	  /* stations (bits) at which it was received */
	__u32 queued;	  /* stations at which it was handed to the device for sending */
	__u32 redirected; /* stations out of which it was sent, but TC sent it elsewhere */
	__u32 act;	  /* of xdp_exception */
	__u32 pad2;	  /* a key has no holes */
	__u64 socket;	  /* key of the sockets map */
	__u8 owner;
	__u8 stage;
	__u8 via;
	__u8 l4; /* IPPROTO_* or 0 */
	__u8 fragment;
	__u8 pad[3];
};

/* When a packet had come past hooks, or to a socket: bucket of its age in nanoseconds (histogram_abi.h). */
struct ledger_mark {
	__u32 hooks; /* bits, as in path.visited; 0: the mark is not used */
	__u32 bucket;
};

struct ledger_record {
	struct ledger_path path;
	__u64 index;   /* of the packet in its account; 0: none */
	__u64 born_ns; /* when it was handed to the sender's device; 0: not known */
	struct ledger_mark marks[LEDGER_MARKS];
	__u32 socket; /* bucket of its age when a socket was told about it, plus 1; 0: none was */
	__u32 open;   /* hooks that it came to and whose verdict no event has shown yet */
	__u32 opened; /* hooks that have been in `open` */
	__u32 pad;
};

/* Key of the ends map: packets with equal facts are counted together. */
struct ledger_end_key {
	struct ledger_path path;
	__u64 location; /* kernel address that freed it */
	__u32 kind;	/* enum ledger_end */
	__u32 reason;	/* skb drop reason, or errno */
};

struct ledger_ended {
	__u64 count;
	__u64 id; /* random: names this entry in the latencies map */
};

/* Key of the latencies map; the value counts packets. */
struct ledger_latency_key {
	__u32 account;
	__u32 hooks; /* as in ledger_mark; 0: the socket */
	__u64 end;   /* ledger_ended.id */
	__u32 bucket;
	__u32 pad;
};

struct ledger_packet_key {
	__u32 account;
	__u32 pad;
	__u64 index;
};

struct ledger_station_key {
	__u32 netns;
	__u32 ifindex;
};

/* Hooked programs at a station, as bits. */
struct ledger_station {
	__u32 hooks;
	__u32 native; /* those of native XDP, which decides before the device's first event */
};

/* A socket that sends for an account. */
struct ledger_sender {
	__u32 account;
	__u32 ifindex; /* of the device that it sends out of */
};

struct ledger_socket {
	__u32 netns;
	__u16 family;
	__u16 protocol;
	__u16 port; /* host order */
	__u16 pad;
	__u32 pad2;
	__u8 address[16];
};

/* One account, in memory that both sides map. */
struct ledger_account {
	__u64 next_index; /* number of the next packet to be born; written by the sender before each system
			     call */
	__u64 born_ours;
	__u64 born_background;
	__s64 in_transit; /* of ours, in stages up to STAGE_GRO */
	__u64 events;	  /* any change of a record of ours: stable means quiet */
	__u64 overflow;	  /* a map was full: facts are missing */
	__u32 active;
	__u32 per_packet;
	__u64 watched_socket; /* cookie of a packet socket whose copies are noted; 0: none */
};

/* Frames (no skb) are counted at the devices. */
enum ledger_counter {
	COUNTER_DEVMAP_SENT = 0, /* at the target */
	COUNTER_DEVMAP_DROPS = 1,
	COUNTER_BULK_TX_SENT = 2, /* at the device that sent back */
	COUNTER_BULK_TX_DROPS = 3,
	COUNTER_CPUMAP_DROPS = 4,
	COUNTER_KINDS
};

struct ledger_counter_key {
	__u32 account;
	__u32 netns;
	__u32 ifindex;
	__u32 kind;
};

struct ledger_counter_value {
	__u64 count;
	__s32 error; /* the last errno, positive */
	__u32 pad;
};

struct ledger_range {
	__u64 low;
	__u64 high; /* exclusive */
};

#endif
