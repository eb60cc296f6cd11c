/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events at a packet's end: kfree_skb and consume_skb.
 */
#ifndef KNETLAB_LEDGER_END_H
#define KNETLAB_LEDGER_END_H

#include "bpf/harness/ledger_record.h"

/* Native XDP is through with a packet: freed by a drop, or its memory goes on as a frame. */
static __always_inline void end_in_native_xdp(struct cpu_state *cpu, struct ledger_record *record, __u64 head,
					      bool dropped, __u64 location)
{
	__u32 netns = record->path.netns, ifindex = record->path.ifindex;
	struct ledger_station *station = station_at(netns, ifindex);
	struct ledger_record *older;

	if (station)
		mark_hooks(record, station->native);
	if (cpu->exception) {
		record->path.via |= VIA_EXCEPTION;
		record->path.act = cpu->exception - 1;
		cpu->exception = 0;
	}
	if (dropped) {
		count_end(record, END_XDP, 0, location);
		return;
	}
	note_via(record, VIA_XDP_TX, netns, ifindex);
	set_stage(record, STAGE_FRAME);
	/* A frame that a device did not take, or the next program dropped, ends without an event of its own.
	 */
	older = bpf_map_lookup_elem(&frames, &head);
	if (older)
		count_end(older, END_SILENT, 0, 0);
	if (bpf_map_update_elem(&frames, &head, record, BPF_ANY))
		count_end(record, END_SILENT, 0, 0);
	cpu->last_frame = head;
}

/* Ends a packet that had no record: ours that failed before its first event, or nobody's. */
static __always_inline void end_unseen(struct sk_buff *skb, __u32 kind, __u32 reason, __u64 location)
{
	struct ledger_record fresh = {};
	struct net_device *dev = skb->dev;
	struct ledger_sender sender;
	struct ledger_account *account;

	/* A copy for a packet socket has the socket too, but not the sender's destructor. */
	if (!skb->destructor)
		return;
	account = sender_of(skb, &sender);
	if (!account || !account->active)
		return;
	be_born(&fresh, account, sender.account, OWNER_OURS, STAGE_UNSEEN, netns_of(dev),
		dev ? dev->ifindex : 0);
	note_protocol(skb, &fresh, true);
	count_end(&fresh, kind, reason, location);
}

/*
 * Whether the record is of a packet that ended without an event (a socket's reader frees so on the CPU that
 * made the skb, Linux 6.18), and its memory has become this one without an event: made locally (skb_iif is
 * 0), or by generic XDP as a copy, perhaps in a namespace that nobody watches, or of another lab. A socket
 * takes the device out of what it is given, so one that still has it is newer.
 */
static __always_inline bool of_older_packet(struct sk_buff *skb, struct ledger_record *record)
{
	__u8 stage = record->path.stage;

	__u32 netns = netns_of(skb->dev), number;

	if (stage == STAGE_SOCKET && netns)
		return true;
	if (stage == STAGE_STACK && netns != record->path.netns && netns &&
	    (!watched(netns, &number) || number != record->path.account))
		return true;
	return stage >= STAGE_STACK && stage <= STAGE_SOCKET && skb->skb_iif == 0;
}

static __always_inline int freed(struct sk_buff *skb, __u32 kind, __u32 reason, __u64 location,
				 struct sock *rx_sk)
{
	__u64 address = (__u64)skb;
	struct ledger_record *record = bpf_map_lookup_elem(&live, &address);
	struct cpu_state *cpu = this_cpu();
	bool member = in_ranges(member_locations, location), native = in_ranges(veth_locations, location);
	bool copied = kind == END_CONSUME && in_ranges(copy_locations, location);

	if (!cpu)
		return 0;
	if (record && of_older_packet(skb, record)) {
		end_stale(address, record);
		record = NULL;
	}
	if (record && copied) {
		if (cpu->pending_valid)
			drop_pending(cpu);
		cpu->pending = *record;
		cpu->pending_valid = 1;
		set_stage(&cpu->pending, record->path.stage == STAGE_STACK ? STAGE_COPY : STAGE_XDP);
		if (cpu->pending.path.stage == STAGE_XDP && skb->dev) {
			cpu->pending.path.netns = netns_of(skb->dev);
			cpu->pending.path.ifindex = skb->dev->ifindex;
		}
		bpf_map_delete_elem(&live, &address);
		return 0;
	}
	if (!record && cpu->pending_valid && skb->dev && netns_of(skb->dev) == cpu->pending.path.netns &&
	    !in_ranges(tap_locations, location)) {
		cpu->pending_valid = 0;
		if (native) {
			end_in_native_xdp(cpu, &cpu->pending, (__u64)skb->head, kind == END_KFREE, location);
			return 0;
		}
		if (cpu->exception) {
			cpu->pending.path.via |= VIA_EXCEPTION;
			cpu->pending.path.act = cpu->exception - 1;
			cpu->exception = 0;
		}
		if (rx_sk) {
			mark_socket(&cpu->pending);
			note_socket(&cpu->pending, rx_sk, cpu->pending.path.netns);
		}
		count_end(&cpu->pending, kind, reason, location);
		return 0;
	}
	if (!member) {
		cpu->end_kind = kind;
		cpu->end_reason = reason;
		cpu->end_location = location;
	}
	if (!record) {
		end_unseen(skb, kind, reason, location);
		return 0;
	}
	if (native && record->path.stage < STAGE_STACK) {
		if (skb->dev) {
			record->path.netns = netns_of(skb->dev);
			record->path.ifindex = skb->dev->ifindex;
		}
		end_in_native_xdp(cpu, record, (__u64)skb->head, kind == END_KFREE, location);
	} else {
		if (member) {
			kind = cpu->end_kind;
			reason = cpu->end_reason;
			location = cpu->end_location;
		}
		if (cpu->exception) {
			record->path.via |= VIA_EXCEPTION;
			record->path.act = cpu->exception - 1;
			cpu->exception = 0;
		}
		note_peer(record, netns_of(skb->dev), skb->dev ? skb->dev->ifindex : 0);
		if (rx_sk) {
			mark_socket(record);
			note_socket(record, rx_sk, record->path.netns);
		}
		if (reason_tc_egress && reason == reason_tc_egress && skb->dev) {
			/* Dropped before the sending device announced it: it is there, not where it came in.
			 */
			record->path.netns = netns_of(skb->dev);
			record->path.ifindex = skb->dev->ifindex;
		}
		count_end(record, kind, reason, location);
	}
	bpf_map_delete_elem(&live, &address);
	return 0;
}

SEC("tp_btf/kfree_skb")
int on_kfree(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	__u32 reason = 0;
	struct sock *rx_sk = NULL;

	if (kfree_skb_arguments >= 3)
		reason = ctx[2];
	if (kfree_skb_arguments >= 4)
		rx_sk = (struct sock *)ctx[3];
	return freed(skb, END_KFREE, reason, ctx[1], rx_sk);
}

SEC("tp_btf/consume_skb")
int on_consume(__u64 *ctx)
{
	__u64 location = 0;

	if (consume_skb_arguments >= 2)
		location = ctx[1];
	return freed((struct sk_buff *)ctx[0], END_CONSUME, 0, location, NULL);
}

#endif
