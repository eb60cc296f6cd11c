// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's tracer: follows each packet of the lab by its skb's address, from the device that sends it to
 * the place where it ends, and notes facts (bpf/include/ledger_abi.h). It changes no byte of any packet.
 *
 * Memory is used again: an skb that the kernel frees without an event leaves a stale record behind, which the
 * next owner of the address must not inherit. Each handler says how it tells the two apart.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include "bpf/include/kernel_types.h"
#include "bpf/include/ledger_abi.h"

char LICENSE[] SEC("license") = "GPL";

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
	__type(key, __u64);   /* socket cookie */
	__type(value, __u32); /* account */
} senders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ledger_station_key);
	__type(value, __u32); /* bit in path.visited and path.queued */
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
	__type(value, __u64);
} ends SEC(".maps");

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

static __always_inline void count_end(struct ledger_record *record, __u32 kind, __u32 reason, __u64 location)
{
	struct ledger_end_key key = {};
	struct ledger_account *account = account_of(record->path.account);
	__u64 zero = 0, *count;

	key.path = record->path;
	key.kind = kind;
	key.reason = reason;
	key.location = location;
	set_stage(record, STAGE_UNSEEN);
	count = bpf_map_lookup_elem(&ends, &key);
	if (!count) {
		bpf_map_update_elem(&ends, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&ends, &key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	else if (account)
		__sync_fetch_and_add(&account->overflow, 1);
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

static __always_inline void note_station(struct ledger_record *record, __u32 netns, __u32 ifindex,
					 bool queued)
{
	struct ledger_station_key key = {.netns = netns, .ifindex = ifindex};
	__u32 *bit = bpf_map_lookup_elem(&stations, &key);

	if (bit && queued)
		record->path.queued |= *bit;
	else if (bit)
		record->path.visited |= *bit;
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
static __always_inline struct ledger_account *sender_of(struct sk_buff *skb, __u32 *number)
{
	struct sock *sk = skb->sk;
	__u64 cookie;
	__u32 *found;

	if (!sk || skb->skb_iif || sk->__sk_common.skc_family != AF_PACKET)
		return NULL;
	cookie = sk->__sk_common.skc_cookie.counter;
	found = bpf_map_lookup_elem(&senders, &cookie);
	if (!found)
		return NULL;
	*number = *found;
	return account_of(*found);
}

static __always_inline void note_via(struct ledger_record *record, __u8 via, __u32 netns, __u32 ifindex)
{
	record->path.via |= via;
	record->path.via_netns = netns;
	record->path.via_ifindex = ifindex;
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
	struct cpu_state *cpu = this_cpu();

	if (!account || !cpu) {
		if (record)
			end_stale(address, record);
		return 0;
	}
	ours = sender_of(skb, &number);
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
		note_station(&fresh, netns, ifindex, true);
		store(address, &fresh);
		return 0;
	}
	if (!record)
		return 0;
	if (record->path.stage >= STAGE_STACK) {
		if (skb->_skb_refdst)
			record->path.via |= VIA_FORWARD;
		else
			note_via(record, VIA_TC_REDIRECT, record->path.netns, record->path.ifindex);
	}
	record->path.netns = netns;
	record->path.ifindex = ifindex;
	note_station(record, netns, ifindex, true);
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
	record->path.netns = netns;
	record->path.ifindex = ifindex;
	if (stage != STAGE_BACKLOG)
		note_station(record, netns, ifindex, false);
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
		    (__u64)sk->__sk_common.skc_cookie.counter == account->watched_socket)
			record->path.via |= VIA_WATCHED_SOCKET;
		return 0;
	}
	if (record->path.stage != STAGE_STACK && record->path.stage != STAGE_COPY)
		return 0;
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
	note_socket(record, sk, sk->__sk_common.skc_net.net->ns.inum);
	set_stage(record, STAGE_SOCKET);
	return 0;
}

/* Native XDP is through with a packet: freed by a drop, or its memory goes on as a frame. */
static __always_inline void end_in_native_xdp(struct cpu_state *cpu, struct ledger_record *record, __u64 head,
					      bool dropped, __u64 location)
{
	__u32 netns = record->path.netns, ifindex = record->path.ifindex;

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
	if (bpf_map_update_elem(&frames, &head, record, BPF_ANY))
		count_end(record, END_SILENT, 0, 0);
	cpu->last_frame = head;
}

/* Ends a packet that had no record: ours that failed before its first event, or nobody's. */
static __always_inline void end_unseen(struct sk_buff *skb, __u32 kind, __u32 reason, __u64 location)
{
	struct ledger_record fresh = {};
	struct net_device *dev = skb->dev;
	__u32 number;
	struct ledger_account *account;

	/* A copy for a packet socket has the socket too, but not the sender's destructor. */
	if (!skb->destructor)
		return;
	account = sender_of(skb, &number);
	if (!account || !account->active)
		return;
	be_born(&fresh, account, number, OWNER_OURS, STAGE_UNSEEN, netns_of(dev), dev ? dev->ifindex : 0);
	note_protocol(skb, &fresh, true);
	count_end(&fresh, kind, reason, location);
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
	if (record && record->path.stage >= STAGE_STACK && record->path.stage <= STAGE_SOCKET &&
	    skb->skb_iif == 0) {
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
		if (rx_sk)
			note_socket(&cpu->pending, rx_sk, cpu->pending.path.netns);
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
		if (rx_sk)
			note_socket(record, rx_sk, record->path.netns);
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
