/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of XDP, and of frames: packets that left native XDP and are no skbs.
 */
#ifndef KNETLAB_LEDGER_FRAMES_H
#define KNETLAB_LEDGER_FRAMES_H

#include "bpf/harness/ledger_record.h"

/* The last frame that left native XDP on this CPU, or the last copy that left generic XDP: what a redirect's
 * event is about. */
static __always_inline struct ledger_record *last_sent(struct cpu_state *cpu)
{
	__u64 frame = cpu->last_frame, copy = cpu->last_copy;

	if (cpu->pending_valid && cpu->pending.path.stage == STAGE_COPY)
		return &cpu->pending;
	if (frame)
		return bpf_map_lookup_elem(&frames, &frame);
	if (copy)
		return bpf_map_lookup_elem(&live, &copy);
	return NULL;
}

static __always_inline bool watched_device(struct net_device *dev)
{
	__u32 number;

	return watched(netns_of(dev), &number) != NULL;
}

SEC("tp_btf/xdp_exception")
int BPF_PROG(on_exception, struct net_device *dev, struct bpf_prog *program, __u32 act)
{
	struct cpu_state *cpu = this_cpu();
	struct ledger_record *frame;
	__u64 key;

	if (!cpu || !watched_device(dev))
		return 0;
	key = cpu->last_frame;
	frame = key ? bpf_map_lookup_elem(&frames, &key) : NULL;
	if (act == XDP_TX_CODE && frame) {
		/* Sending back failed after the packet had become a frame. */
		struct ledger_record failed = *frame;

		cpu->last_frame = 0;
		bpf_map_delete_elem(&frames, &key);
		count_end(&failed, END_XDP_ERROR, 0, 0);
		return 0;
	}
	cpu->exception = act + 1;
	return 0;
}

SEC("tp_btf/xdp_redirect")
int BPF_PROG(on_redirect, struct net_device *dev)
{
	struct cpu_state *cpu = this_cpu();
	struct ledger_record *record;

	if (!cpu || !watched_device(dev))
		return 0;
	record = last_sent(cpu);
	if (record) {
		record->path.via &= ~VIA_XDP_TX;
		if (!(record->path.via & VIA_XDP_REDIRECT))
			note_via(record, VIA_XDP_REDIRECT, netns_of(dev), dev->ifindex);
	}
	cpu->last_frame = 0;
	cpu->last_copy = 0;
	return 0;
}

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(on_redirect_error, struct net_device *dev, struct bpf_prog *program, void *target, int error)
{
	struct cpu_state *cpu = this_cpu();
	struct ledger_record *record;
	__u64 key;

	if (!cpu || !watched_device(dev))
		return 0;
	key = cpu->last_frame;
	cpu->last_frame = 0;
	record = last_sent(cpu);
	if (key && !(cpu->pending_valid && cpu->pending.path.stage == STAGE_COPY)) {
		struct ledger_record *frame = bpf_map_lookup_elem(&frames, &key);

		if (frame) {
			struct ledger_record failed = *frame;

			bpf_map_delete_elem(&frames, &key);
			failed.path.via &= ~VIA_XDP_TX;
			note_via(&failed, VIA_XDP_REDIRECT, netns_of(dev), dev->ifindex);
			count_end(&failed, END_XDP_ERROR, -error, 0);
		}
	} else if (record) {
		/* Generic: the packet's own kfree follows. */
		record->path.via &= ~VIA_XDP_TX;
		note_via(record, VIA_XDP_REDIRECT, netns_of(dev), dev->ifindex);
	}
	return 0;
}

static __always_inline void count_frames(struct net_device *dev, __u32 kind, __s64 count, int error)
{
	struct ledger_counter_key key = {.kind = kind};
	struct ledger_counter_value zero = {}, *value;
	struct ledger_account *account;

	key.netns = netns_of(dev);
	account = watched(key.netns, &key.account);
	if (!account || count <= 0)
		return;
	key.ifindex = dev->ifindex;
	value = bpf_map_lookup_elem(&counters, &key);
	if (!value) {
		bpf_map_update_elem(&counters, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&counters, &key);
	}
	if (!value) {
		__sync_fetch_and_add(&account->overflow, 1);
		return;
	}
	__sync_fetch_and_add(&value->count, count);
	if (error)
		value->error = -error;
	__sync_fetch_and_add(&account->events, 1);
}

SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(on_devmap_xmit, struct net_device *from, struct net_device *to, int sent, int drops, int error)
{
	count_frames(to, COUNTER_DEVMAP_SENT, sent, 0);
	count_frames(to, COUNTER_DEVMAP_DROPS, drops, error);
	return 0;
}

SEC("tp_btf/xdp_bulk_tx")
int BPF_PROG(on_bulk_tx, struct net_device *dev, int sent, int drops, int error)
{
	count_frames(dev, COUNTER_BULK_TX_SENT, sent, 0);
	count_frames(dev, COUNTER_BULK_TX_DROPS, drops, error);
	return 0;
}

#endif
