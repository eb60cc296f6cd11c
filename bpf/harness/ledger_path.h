/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events on a packet's way: a device sends it, a device receives it, a socket is told about it.
 */
#ifndef KNETLAB_LEDGER_PATH_H
#define KNETLAB_LEDGER_PATH_H

#include "bpf/harness/ledger_record.h"

/*
 * A device is given a packet to send. Ours are known by their socket. Another one with a record goes on
 * (forwarded, redirected by TC), unless it was made locally (skb_iif is 0) in the memory of one that ended
 * silently.
 */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(on_queue, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	__u32 netns = netns_of(dev), number, ifindex = dev->ifindex;
	struct ledger_account *account = watched(netns, &number), *ours;
	__u64 address = (__u64)skb;
	struct ledger_record *record = bpf_map_lookup_elem(&live, &address);
	struct ledger_record fresh = {};
	struct ledger_sender sender = {};
	struct cpu_state *cpu = this_cpu();

	if (!account || !cpu) {
		if (record)
			end_stale(address, record);
		return 0;
	}
	ours = sender_of(skb, &sender);
	if (ours)
		number = sender.account;
	/* One that is queued again while it is being sent (a device stacked on another) goes on. */
	if (record && skb->skb_iif == 0 && !(ours && record->path.stage <= STAGE_XMIT)) {
		end_stale(address, record);
		record = NULL;
	}
	if (!record && !ours && cpu->pending_valid && cpu->pending.path.stage == STAGE_COPY && skb->skb_iif) {
		record = adopt_pending(cpu, address);
	} else if (!record) {
		be_born(&fresh, ours ? ours : account, number, ours ? OWNER_OURS : OWNER_BACKGROUND,
			STAGE_QUEUE, netns, ifindex);
		note_protocol(skb, &fresh, true);
		note_sent(&fresh, netns, ifindex);
		if (ours && sender.ifindex != ifindex)
			note_redirected(&fresh, netns, sender.ifindex);
		record = store(address, &fresh);
		/* Last, so that what this handler takes is not part of the packet's time. */
		if (record && ours)
			record->born_ns = bpf_ktime_get_ns();
		return 0;
	}
	if (!record)
		return 0;
	mark_open_hooks(record);
	if (record->path.stage >= STAGE_STACK) {
		if (skb->_skb_refdst)
			record->path.via |= VIA_FORWARD;
		else
			note_via(record, VIA_TC_REDIRECT, record->path.netns, record->path.ifindex);
	}
	record->path.netns = netns;
	record->path.ifindex = ifindex;
	note_sent(record, netns, ifindex);
	set_stage(record, STAGE_QUEUE);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(on_xmit, struct sk_buff *skb, struct net_device *dev)
{
	__u64 address = (__u64)skb;
	struct ledger_record *record = bpf_map_lookup_elem(&live, &address);

	if (record && (record->path.stage == STAGE_QUEUE || record->path.stage == STAGE_XMIT)) {
		record->path.netns = netns_of(dev);
		record->path.ifindex = dev->ifindex;
		set_stage(record, STAGE_XMIT);
	}
	return 0;
}

/*
 * Whether the record at the address of a packet that is being received belongs to an older packet, which
 * ended silently: it is of another topology, a socket has had it, the same device has received it in the same
 * way already, or the new packet is a copy that just left native XDP.
 */
static __always_inline bool older_packet(struct ledger_record *record, struct cpu_state *cpu, __u32 number,
					 __u32 netns, __u32 ifindex, __u8 stage)
{
	struct ledger_path *path = &record->path;

	if (path->account != number || path->stage == STAGE_SOCKET)
		return true;
	if (cpu->pending_valid && cpu->pending.path.stage == STAGE_XDP && stage == STAGE_GRO)
		return true;
	return path->netns == netns && path->ifindex == ifindex && path->stage >= stage &&
	       path->stage <= STAGE_SOCKET;
}

/* A device receives a packet. */
static __always_inline int receive(struct sk_buff *skb, __u8 stage)
{
	struct net_device *dev = skb->dev;
	__u32 netns = netns_of(dev), number, ifindex = dev->ifindex;
	struct ledger_account *account = watched(netns, &number);
	__u64 address = (__u64)skb, head = (__u64)skb->head;
	struct ledger_record *record = bpf_map_lookup_elem(&live, &address), *frame;
	struct ledger_record fresh = {};
	struct cpu_state *cpu = this_cpu();

	if (!account || !cpu) {
		if (record)
			end_stale(address, record);
		return 0;
	}
	if (record && older_packet(record, cpu, number, netns, ifindex, stage)) {
		end_stale(address, record);
		record = NULL;
	}
	if (cpu->pending_valid) {
		bool native = cpu->pending.path.stage == STAGE_XDP;

		/* A copy shows itself first at GRO after native XDP, elsewhere after generic XDP sent it on.
		 */
		if (!record && (native ? stage == STAGE_GRO : stage == STAGE_BACKLOG || stage == STAGE_GRO)) {
			record = adopt_pending(cpu, address);
			if (record && !native) {
				if (!(record->path.via & VIA_XDP_REDIRECT))
					note_via(record, VIA_XDP_TX, record->path.netns,
						 record->path.ifindex);
				cpu->last_copy = address;
			}
		} else if (stage == STAGE_STACK || stage == STAGE_GRO) {
			drop_pending(cpu);
		}
	}
	if (!record) {
		frame = bpf_map_lookup_elem(&frames, &head);
		if (frame && frame->path.account == number) {
			record = store(address, frame);
			bpf_map_delete_elem(&frames, &head);
		} else {
			be_born(&fresh, account, number, OWNER_BACKGROUND, stage, netns, ifindex);
			note_protocol(skb, &fresh, false);
			record = store(address, &fresh);
		}
		if (!record)
			return 0;
	} else if (record->path.stage == STAGE_STACK &&
		   (record->path.netns != netns || record->path.ifindex != ifindex)) {
		/* Left the stack of one device for another without being queued: generic XDP, or TC into an
		 * ingress. */
		if (!(record->path.via & (VIA_XDP_TX | VIA_XDP_REDIRECT | VIA_TC_REDIRECT)))
			note_via(record, VIA_XDP_TX, record->path.netns, record->path.ifindex);
		cpu->last_copy = address;
	}
	mark_open_hooks(record);
	record->path.netns = netns;
	record->path.ifindex = ifindex;
	if (stage != STAGE_BACKLOG)
		note_received(record, netns, ifindex, stage);
	set_stage(record, stage);
	if (stage == STAGE_STACK)
		cpu->current_skb = address;
	return 0;
}

SEC("tp_btf/netif_rx")
int BPF_PROG(on_backlog, struct sk_buff *skb)
{
	return receive(skb, STAGE_BACKLOG);
}

SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(on_gro, struct sk_buff *skb)
{
	return receive(skb, STAGE_GRO);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(on_stack, struct sk_buff *skb)
{
	return receive(skb, STAGE_STACK);
}

/* A socket is told that it has something to read: the packet that this CPU is in the stack with. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(on_data_ready, struct sock *sk)
{
	__u32 netns = sk->__sk_common.skc_net.net->ns.inum, number;
	struct ledger_account *account = watched(netns, &number);
	struct cpu_state *cpu = this_cpu();
	struct ledger_record *record;
	__u64 address;

	if (!account || !cpu)
		return 0;
	address = cpu->current_skb;
	if (cpu->pending_valid && cpu->pending.path.stage == STAGE_COPY)
		record = &cpu->pending;
	else
		record = bpf_map_lookup_elem(&live, &address);
	if (!record || record->path.account != number)
		return 0;
	if (sk->__sk_common.skc_family == AF_PACKET) {
		if (account->watched_socket &&
		    (__u64)sk->__sk_common.skc_cookie.counter == account->watched_socket) {
			record->path.via |= VIA_WATCHED_SOCKET;
			mark_socket(record);
		}
		return 0;
	}
	if (record->path.stage != STAGE_STACK && record->path.stage != STAGE_COPY)
		return 0;
	mark_open_hooks(record);
	mark_socket(record);
	note_peer(record, netns, 0);
	note_socket(record, sk, netns);
	if (record == &cpu->pending) {
		/* Its address is not known, so nothing later can be put down to it. */
		set_stage(record, STAGE_SOCKET);
		drop_pending(cpu);
	} else {
		set_stage(record, STAGE_SOCKET);
	}
	return 0;
}

/* An established TCP connection takes a segment; the kernel frees some of these without an event. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(on_tcp, struct sock *sk, struct sk_buff *skb)
{
	__u64 address = (__u64)skb;
	struct ledger_record *record = bpf_map_lookup_elem(&live, &address);

	if (!record || record->path.stage < STAGE_STACK)
		return 0;
	mark_open_hooks(record);
	mark_socket(record);
	note_socket(record, sk, sk->__sk_common.skc_net.net->ns.inum);
	set_stage(record, STAGE_SOCKET);
	return 0;
}

#endif
