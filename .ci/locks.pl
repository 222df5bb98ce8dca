#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# locks.pl FILE... - a function whose kernel-doc says that a lock is held must assert it, so that lockdep sees what the
# text claims. Prints those that don't. Must never be content with a function that it did not find.
use strict;
use warnings;

my (%held, %body);
for my $file (@ARGV) {
	open(my $in, '<', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	# kernel-doc, then the name of what follows
	while ($text =~ m{/\*\*\n \* (\w+) - (.*?)\*/}gs) {
		my ($name, $doc) = ($1, $2);
		my ($context) = $doc =~ /Context:(.*?)(?:\n \*\n|Return:|Pre:|$)/s;
		next unless defined $context;
		$context =~ s/\n \*//g;
		$held{$name} = $file if $context =~ /\b(?:mdb|index)->lock\b[^.;]*\bheld\b|\brevoke\b[^.;]*\bheld\b/
			&& $context !~ /may be held/;
	}
	# definitions begin in the first column and end with a brace there
	while ($text =~ /^(?!static inline)\w[^;{}#]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms) {
		$body{$1} .= $2;
	}
	while ($text =~ /^static inline[^;{}#]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms) {
		$body{$1} .= $2;
	}
}
my $bad = 0;
for my $name (sort keys %held) {
	next if defined $body{$name} && $body{$name} =~ /lockdep_assert_held/;
	print "$held{$name}: $name() ", defined $body{$name} ? "asserts no lock" : "was not found", "\n";
	$bad = 1;
}
exit $bad;
