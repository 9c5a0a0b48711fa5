# The state files of an exporter, for tests that damage them.
#
#     my $state = FlowExporter::State->new(DIRECTORY);    # of "default"
#
#     $state->path(NAME)          in the directory
#     $state->logs, ->images      paths, oldest first
#     $state->is_marked           whether the lease tells that more was shown
#                                 than the files have
#     $state->save, ->restore     all files
#     $state->contents            { name => checksum }, of all but the lease
#     $state->put(NAME, TEXT)     a file of the exporter's user; returns path
#     $state->change(PATH, CODE)  its bytes, in $_; owner and mode stay

package FlowExporter::State;

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use File::Copy ();


sub new {
    my ($class, $dir) = @_;

    return bless { dir => $dir }, $class;
}


sub path   { return "$_[0]{dir}/$_[1]" }
sub logs   { return $_[0]->files('default.log.*') }
sub images { return $_[0]->files('default.image.*.*') }


sub files {
    my ($self, $pattern) = @_;

    my @files = grep { -f } glob $self->path($pattern // '*');

    return @files;
}


# A word at offset 40; see core/flow_lease.h.

sub is_marked {
    my ($self) = @_;

    return unpack 'x40 L', FlowExporter::slurp($self->path('default.lease'));
}


sub save {
    my ($self) = @_;

    $self->{saved} = FlowExporter::private_dir();
    copy($_, $self->{saved}) for $self->files;
}


sub restore {
    my ($self) = @_;

    unlink $self->files;
    copy($_, $self->{dir}) for glob "$self->{saved}/*";
}


# With its owner and mode.

sub copy {
    my ($from, $to) = @_;

    my $copy = "$to/" . $from =~ s{.*/}{}r;
    my ($mode, $user, $group) = (stat $from)[2, 4, 5];

    File::Copy::copy($from, $copy) or die "cannot copy \"$from\": $!\n";
    chown $user, $group, $copy;
    chmod $mode & 07777, $copy;
}


sub contents {
    my ($self) = @_;

    return { map { s{.*/}{}r => sha1_hex(FlowExporter::slurp($_)) }
             grep { !/\.lease$/ } $self->files };
}


sub put {
    my ($self, $name, $text) = @_;

    my $path = $self->path($name);

    FlowExporter::spew($path, $text);
    chown((stat $self->path('default.lease'))[4, 5], $path);

    return $path;
}


sub change {
    my ($self, $path, $code) = @_;

    local $_ = FlowExporter::slurp($path);

    $code->();

    open my $file, '+<:raw', $path or die "cannot open \"$path\": $!\n";
    truncate $file, 0 or die "cannot empty \"$path\": $!\n";
    print $file $_;
    close $file or die "cannot write \"$path\": $!\n";
}


1;
