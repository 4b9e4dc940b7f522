#!/usr/bin/perl
# An ESME written with Perl's Net::SMPP, for the tests of package smpp. It binds
# to a message centre on 127.0.0.1 and does what it reads, a line each:
#
#   usage: esme.pl PORT transceiver|transmitter|receiver PASSWORD
#   in:    submit DESTINATION ESM_CLASS DATA_CODING HEX|- [TLV=HEX ...]
#          query MESSAGE_ID
#          enquire
#          read                                 and answer the next request
#          unbind
#   out:   NAME key=value ...                    values are hexadecimal
use strict;
use warnings;
use Net::SMPP;

$| = 1;
my ($port, $kind, $password) = @ARGV;

sub say_pdu {
    my ($name, $pdu) = @_;
    die "$name: the connection is over\n" unless $pdu;
    my @shown;
    for my $key (sort keys %$pdu) {
        next if $key eq 'data' || $key =~ /^\d+$/ || !defined $pdu->{$key};
        push @shown, $key . '=' . unpack('H*', $pdu->{$key});
    }
    print join(' ', $name, @shown), "\n";
}

my $new = "new_$kind";
my ($smpp, $bound) = Net::SMPP->$new('127.0.0.1', port => $port, timeout => 10,
    system_id => 'perl', password => $password, system_type => 'PERL', addr_ton => 1, addr_npi => 1, address_range => '15');
die "no connection: $!\n" unless $smpp;
say_pdu('bound', $bound);

my @addresses = (source_addr_ton => 5, source_addr => 'PERL', dest_addr_ton => 1, dest_addr_npi => 1);
while (my $line = <STDIN>) {
    my ($what, @args) = split ' ', $line;
    if ($what eq 'submit') {
        my ($to, $esm_class, $data_coding, $message, @tlvs) = @args;
        say_pdu('submitted', scalar $smpp->submit_sm(@addresses, destination_addr => $to, esm_class => $esm_class,
            data_coding => $data_coding, short_message => pack('H*', $message eq '-' ? '' : $message), registered_delivery => 1,
            map { my ($name, $value) = split '='; ($name, pack('H*', $value)) } @tlvs));
    } elsif ($what eq 'query') {
        say_pdu('queried', scalar $smpp->query_sm(message_id => $args[0], source_addr => 'PERL'));
    } elsif ($what eq 'enquire') {
        say_pdu('enquired', scalar $smpp->enquire_link());
    } elsif ($what eq 'read') {
        my $pdu = $smpp->read_pdu();
        if ($pdu && $pdu->{cmd} == Net::SMPP::CMD_deliver_sm) {
            $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
            say_pdu('deliver_sm', $pdu);
        } elsif ($pdu && $pdu->{cmd} == Net::SMPP::CMD_enquire_link) {
            $smpp->enquire_link_resp(seq => $pdu->{seq});
            say_pdu('enquire_link', $pdu);
        } elsif ($pdu && $pdu->{cmd} == Net::SMPP::CMD_unbind) {
            $smpp->unbind_resp(seq => $pdu->{seq});
            say_pdu('unbind', $pdu);
            last;
        } else {
            say_pdu('other', $pdu);
        }
    } elsif ($what eq 'unbind') {
        say_pdu('unbound', scalar $smpp->unbind());
        last;
    }
}
close $smpp;
