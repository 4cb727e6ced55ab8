//! What the interoperation tests stand on, bottom up:
//!
//! * [`prerequisites`]: may this test run here, and how many run at once;
//! * [`network`]: hosts that are network namespaces on one Ethernet, gone when the test ends;
//! * [`process`]: a program inside a host, its log searchable, killed when the test ends;
//! * [`setup`]: one description of a failover pair, written as a `dhcpd` or a `twinlease` configuration;
//! * [`dhcpd`], [`lease_file`], [`twinlease`]: the two servers, started and read out;
//! * [`packet`], [`relay`], [`load`]: scripted clients, written without the product's own codec;
//! * [`dhclient`], [`perfdhcp`]: other people's clients;
//! * [`capture`]: what tshark says of the conversation;
//! * [`partner`], [`stage`]: a scripted partner, and a dhcpd alone with it;
//! * [`compare`]: both databases side by side;
//! * [`pair`], [`scene`]: two servers of either kind, what one asks of both, and the stage they stand on.

pub mod capture;
pub mod compare;
pub mod dhclient;
pub mod dhcpd;
pub mod lease_file;
pub mod load;
pub mod network;
pub mod packet;
pub mod pair;
pub mod partner;
pub mod perfdhcp;
pub mod prerequisites;
pub mod process;
pub mod relay;
pub mod scene;
pub mod setup;
pub mod stage;
pub mod twinlease;
pub mod wait;
