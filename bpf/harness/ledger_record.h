/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet's record: how it is born, moves, is handed on and ends.
 */
#ifndef KNETLAB_LEDGER_RECORD_H
#define KNETLAB_LEDGER_RECORD_H

#include "bpf/harness/ledger_maps.h"

static __always_inline struct ledger_account *account_of(__u32 number)
{
	return bpf_map_lookup_elem(&accounts, &number);
}

/* Copied to a scalar, lest the compiler folds the reads of several handlers into one of a shared frozen map
 * value. */
static __always_inline bool in_ranges(const volatile struct ledger_range *ranges, __u64 location)
{
#pragma unroll
	for (int i = 0; i < LEDGER_RANGES; i++)
		if (location >= ranges[i].low && location < ranges[i].high)
			return true;
	return false;
}

static __always_inline __u32 netns_of(struct net_device *dev)
{
	return dev ? dev->nd_net.net->ns.inum : 0;
}

/* The account that a namespace belongs to and is being watched for, or none. */
static __always_inline struct ledger_account *watched(__u32 netns, __u32 *number)
{
	__u32 *found = netns ? bpf_map_lookup_elem(&lab_namespaces, &netns) : NULL;
	struct ledger_account *account;

	if (!found)
		return NULL;
	*number = *found;
	account = account_of(*found);
	return account && account->active ? account : NULL;
}

static __always_inline bool in_transit(__u8 stage)
{
	return (stage >= STAGE_QUEUE && stage <= STAGE_GRO) || stage == STAGE_XDP;
}

static __always_inline void set_stage(struct ledger_record *record, __u8 stage)
{
	struct ledger_account *account = account_of(record->path.account);

	if (account && record->path.owner == OWNER_OURS) {
		int change = in_transit(stage) - in_transit(record->path.stage);

		if (change)
			__sync_fetch_and_add(&account->in_transit, change);
		__sync_fetch_and_add(&account->events, 1);
	}
	record->path.stage = stage;
}

/* An event shows that these hooks are through with the packet. */
static __always_inline void mark_hooks(struct ledger_record *record, __u32 hooks)
{
	__u32 bucket;

	if (!hooks || !record->born_ns)
		return;
	bucket = histogram_bucket(bpf_ktime_get_ns() - record->born_ns);
#pragma unroll
	for (int i = 0; i < LEDGER_MARKS; i++) {
		if (!record->marks[i].hooks) {
			record->marks[i].hooks = hooks;
			record->marks[i].bucket = bucket;
			return;
		}
	}
}

static __always_inline void mark_open_hooks(struct ledger_record *record)
{
	mark_hooks(record, record->open);
	record->open = 0;
}

static __always_inline void mark_socket(struct ledger_record *record)
{
	if (record->born_ns && !record->socket)
		record->socket = histogram_bucket(bpf_ktime_get_ns() - record->born_ns) + 1;
}

static __always_inline void count_latency(struct ledger_account *account, __u32 number, __u64 end,
					  __u32 hooks, __u32 bucket)
{
	struct ledger_latency_key key = {.account = number, .hooks = hooks, .end = end, .bucket = bucket};
	__u64 zero = 0, *count = bpf_map_lookup_elem(&latencies, &key);

	if (!count) {
		bpf_map_update_elem(&latencies, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&latencies, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1); /* an interrupt of this CPU may count too */
	else
		__sync_fetch_and_add(&account->overflow, 1);
}

static __always_inline void count_latencies(struct ledger_account *account, struct ledger_record *record,
					    __u64 end)
{
	__u32 number = record->path.account;

	if (record->socket)
		count_latency(account, number, end, 0, record->socket - 1);
	for (int i = 0; i < LEDGER_MARKS; i++) {
		if (!record->marks[i].hooks)
			return;
		count_latency(account, number, end, record->marks[i].hooks, record->marks[i].bucket);
	}
}

static __always_inline void count_end(struct ledger_record *record, __u32 kind, __u32 reason, __u64 location)
{
	struct ledger_end_key key = {};
	struct ledger_account *account = account_of(record->path.account);
	struct ledger_ended fresh = {}, *ended;

	key.path = record->path;
	key.kind = kind;
	key.reason = reason;
	key.location = location;
	set_stage(record, STAGE_UNSEEN);
	/* A silent end is noticed later than it happened. */
	if (kind != END_SILENT)
		mark_open_hooks(record);
	if (!account)
		return;
	ended = bpf_map_lookup_elem(&ends, &key);
	if (!ended) {
		fresh.id = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
		bpf_map_update_elem(&ends, &key, &fresh, BPF_NOEXIST);
		ended = bpf_map_lookup_elem(&ends, &key);
	}
	if (ended) {
		__sync_fetch_and_add(&ended->count, 1);
		if (record->born_ns)
			count_latencies(account, record, ended->id);
	} else {
		__sync_fetch_and_add(&account->overflow, 1);
	}
	if (account && account->per_packet && record->index) {
		struct ledger_packet_key packet = {.account = record->path.account, .index = record->index};

		if (bpf_map_update_elem(&packets, &packet, &key, BPF_ANY))
			__sync_fetch_and_add(&account->overflow, 1);
	}
}

/* The record's memory has a new owner: the packet ended without an event. */
static __always_inline void end_stale(__u64 address, struct ledger_record *record)
{
	count_end(record, END_SILENT, 0, 0);
	bpf_map_delete_elem(&live, &address);
}

static __always_inline void note_protocol(struct sk_buff *skb, struct ledger_record *record, bool at_mac)
{
	unsigned char header[40] = {};
	__u16 offset = at_mac ? (__u16)(skb->data - skb->head) : skb->mac_header;
	unsigned short ethertype;

	if (bpf_probe_read_kernel(header, sizeof(header), skb->head + offset))
		return;
	ethertype = header[12] << 8 | header[13];
	if (ethertype == 0x0800) {
		record->path.l4 = header[23];
		record->path.fragment = ((header[20] << 8 | header[21]) & 0x3fff) != 0;
	} else if (ethertype == 0x86dd) {
		record->path.l4 = header[20];
		record->path.fragment = header[20] == 44;
	}
}

static __always_inline struct ledger_station *station_at(__u32 netns, __u32 ifindex)
{
	struct ledger_station_key key = {.netns = netns, .ifindex = ifindex};

	return bpf_map_lookup_elem(&stations, &key);
}

static __always_inline void note_sent(struct ledger_record *record, __u32 netns, __u32 ifindex)
{
	struct ledger_station *station = station_at(netns, ifindex);

	if (station)
		record->path.queued |= station->hooks;
}

/* A device's GRO or stack has the packet: native XDP let it through, the hooks of the stack come next. */
static __always_inline void note_received(struct ledger_record *record, __u32 netns, __u32 ifindex,
					  __u8 stage)
{
	struct ledger_station *station = station_at(netns, ifindex);
	__u32 next;

	if (!station)
		return;
	mark_hooks(record, station->native & ~record->path.visited);
	record->path.visited |= station->hooks;
	if (stage != STAGE_STACK)
		return;
	next = station->hooks & ~station->native & ~record->opened;
	record->open |= next;
	record->opened |= next;
}

static __always_inline struct ledger_record *store(__u64 address, struct ledger_record *record)
{
	if (bpf_map_update_elem(&live, &address, record, BPF_ANY)) {
		struct ledger_account *account = account_of(record->path.account);

		if (account)
			__sync_fetch_and_add(&account->overflow, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&live, &address);
}

static __always_inline void be_born(struct ledger_record *record, struct ledger_account *account,
				    __u32 number, __u8 owner, __u8 stage, __u32 netns, __u32 ifindex)
{
	record->path.account = number;
	record->path.owner = owner;
	record->path.netns = netns;
	record->path.ifindex = ifindex;
	if (owner == OWNER_OURS) {
		record->index = account->next_index;
		__sync_fetch_and_add(&account->next_index, 1);
		__sync_fetch_and_add(&account->born_ours, 1);
	} else {
		__sync_fetch_and_add(&account->born_background, 1);
	}
	set_stage(record, stage);
}

/*
 * The account whose source sends through this skb's socket, or none. A veth leaves the socket with the skb,
 * so only one that no device has received yet is just being sent.
 */
static __always_inline struct ledger_account *sender_of(struct sk_buff *skb, struct ledger_sender *sender)
{
	struct sock *sk = skb->sk;
	struct ledger_sender *found;
	__u64 cookie;

	if (!sk || skb->skb_iif || sk->__sk_common.skc_family != AF_PACKET)
		return NULL;
	cookie = sk->__sk_common.skc_cookie.counter;
	found = bpf_map_lookup_elem(&senders, &cookie);
	if (!found)
		return NULL;
	*sender = *found;
	return account_of(found->account);
}

static __always_inline void note_via(struct ledger_record *record, __u8 via, __u32 netns, __u32 ifindex)
{
	record->path.via |= via;
	record->path.via_netns = netns;
	record->path.via_ifindex = ifindex;
}

/* TC did not let it leave the device that it was sent out of, but gave it to another one. */
static __always_inline void note_redirected(struct ledger_record *record, __u32 netns, __u32 ifindex)
{
	struct ledger_station *station = station_at(netns, ifindex);

	if (station)
		record->path.redirected |= station->hooks;
	note_via(record, VIA_TC_REDIRECT, netns, ifindex);
}

/* bpf_redirect_peer: the packet is in the stack of another namespace, and no event said that it went there.
 */
static __always_inline void note_peer(struct ledger_record *record, __u32 netns, __u32 ifindex)
{
	__u32 number;

	if (record->path.stage != STAGE_STACK || netns == record->path.netns)
		return;
	if (!watched(netns, &number) || number != record->path.account)
		return;
	note_via(record, VIA_TC_REDIRECT, record->path.netns, record->path.ifindex);
	record->path.netns = netns;
	record->path.ifindex = ifindex;
}

/* The copy that generic or native XDP made has shown itself: its record goes on under the copy's address. */
static __always_inline struct ledger_record *adopt_pending(struct cpu_state *cpu, __u64 address)
{
	cpu->pending_valid = 0;
	return store(address, &cpu->pending);
}

/* The copy never showed itself, and the CPU has gone on: the stack freed it without an event. */
static __always_inline void drop_pending(struct cpu_state *cpu)
{
	cpu->pending_valid = 0;
	count_end(&cpu->pending, END_SILENT, 0, 0);
}

static __always_inline void note_socket(struct ledger_record *record, struct sock *sk, __u32 netns)
{
	__u64 address = (__u64)sk;
	struct ledger_socket value = {}, *known = bpf_map_lookup_elem(&sockets, &address);
	__u32 saddr = sk->__sk_common.skc_rcv_saddr;

	record->path.socket = address;
	value.netns = netns;
	value.family = sk->__sk_common.skc_family;
	value.protocol = sk->sk_protocol;
	value.port = sk->__sk_common.skc_num;
	if (known && known->netns == netns && known->port == value.port && known->protocol == value.protocol)
		return;
	if (value.family == AF_INET6)
		bpf_probe_read_kernel(value.address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else
		__builtin_memcpy(value.address, &saddr, 4);
	bpf_map_update_elem(&sockets, &address, &value, BPF_ANY);
}

#endif
