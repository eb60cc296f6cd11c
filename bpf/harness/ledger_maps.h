/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tracer knows of the running kernel, and where it keeps the facts.
 */
#ifndef KNETLAB_LEDGER_MAPS_H
#define KNETLAB_LEDGER_MAPS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf/include/kernel_types.h"
#include "bpf/include/ledger_abi.h"

#define AF_INET6 10
#define AF_PACKET 17
#define XDP_TX_CODE 3

/* Of the running kernel, filled in before load. */
const volatile __u32 kfree_skb_arguments = 3;
const volatile __u32 consume_skb_arguments = 2;
const volatile __u32 reason_tc_egress = 0;
const volatile struct ledger_range copy_locations[LEDGER_RANGES] =
    {}; /* XDP copies an skb it cannot write to */
const volatile struct ledger_range veth_locations[LEDGER_RANGES] = {}; /* veth's XDP receive */
const volatile struct ledger_range member_locations[LEDGER_RANGES] =
    {}; /* members of an skb that is being freed */
const volatile struct ledger_range tap_locations[LEDGER_RANGES] = {}; /* packet sockets free clones */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LEDGER_ACCOUNTS);
	__type(key, __u32);
	__type(value, struct ledger_account);
} accounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);   /* inode number of a namespace */
	__type(value, __u32); /* account */
} lab_namespaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* socket cookie */
	__type(value, struct ledger_sender);
} senders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ledger_station_key);
	__type(value, struct ledger_station); /* bits in path.visited and path.queued */
} stations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the skb */
	__type(value, struct ledger_record);
} live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key,
	       __u64); /* address of the frame's memory, which the skb built from it will have as its head */
	__type(value, struct ledger_record);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ledger_end_key);
	__type(value, struct ledger_ended);
} ends SEC(".maps");

/* Only the buckets that are touched: a few hundred for each place. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ledger_latency_key);
	__type(value, __u64);
} latencies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ledger_packet_key);
	__type(value, struct ledger_end_key);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the socket */
	__type(value, struct ledger_socket);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ledger_counter_key);
	__type(value, struct ledger_counter_value);
} counters SEC(".maps");

/*
 * What this CPU is in the middle of. XDP on an AF_PACKET skb copies it first: the old skb is consumed, and
 * the record waits here until the copy shows itself, always on this CPU and before the next packet.
 */
struct cpu_state {
	__u64 pending_valid;
	struct ledger_record pending;
	__u64 current_skb; /* the last one that entered the stack here */
	__u64 last_frame;  /* key in frames of the last one that left native XDP here */
	__u64 last_copy;   /* key in live of the last copy of generic XDP that left its device here */
	__u32 exception;   /* verdict of an xdp_exception that waits for its packet's end, plus 1 */
	__u32 end_kind;	   /* of the last skb freed here, for its members */
	__u32 end_reason;
	__u32 pad;
	__u64 end_location;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
} cpus SEC(".maps");

static __always_inline struct cpu_state *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpus, &zero);
}

#endif
