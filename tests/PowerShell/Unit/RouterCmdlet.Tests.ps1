BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    $modulePath = Get-ModulePath
    Import-Module $modulePath

    # Cmdlets that misbehave in the ways that the base class has to cope with.
    $script:probe = Join-Path ([IO.Path]::GetTempPath()) "RouterCmdletProbe-$(New-Guid).dll"
    Add-Type -CompilerOptions '-nowarn:CS1701,CS1702' -OutputAssembly $script:probe -ReferencedAssemblies @(
        (Join-Path (Split-Path $modulePath) 'EmailRouter.PowerShell.dll'), [psobject].Assembly.Location, 'netstandard', 'System.Runtime', 'System.Threading', 'System.Threading.Tasks'
    ) -TypeDefinition @'
        using System;
        using System.Management.Automation;
        using System.Threading;
        using System.Threading.Tasks;
        using EmailRouter.PowerShell.Pipeline;

        [Cmdlet(VerbsDiagnostic.Test, "Probe", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
        public sealed class TestProbeCommand : RouterCmdlet
        {
            public static int Written;
            public static bool Cancelled;
            public static string Late;
            public static readonly ManualResetEventSlim Ended = new ManualResetEventSlim();

            [Parameter(Mandatory = true, Position = 0)] public string Mode { get; set; }
            [Parameter] public int Count { get; set; }
            [Parameter(ValueFromPipeline = true)] public int Input { get; set; }

            public static void Reset() { Written = 0; Cancelled = false; Late = null; Ended.Reset(); }

            protected override async Task ProcessRecordAsync(CancellationToken stop)
            {
                switch (Mode)
                {
                    case "Emit":
                        for (int i = 0; i < Count; i++) { await EmitAsync(i); Interlocked.Increment(ref Written); }
                        break;
                    case "Streams":
                        await EmitErrorAsync(new ErrorRecord(new InvalidOperationException("one"), "ProbeError", ErrorCategory.NotSpecified, null));
                        await WarnAsync("careful");
                        await ExplainAsync("because");
                        LogProtocol("C: NOOP");
                        await NoteAsync("noted", "audit");
                        await EmitAsync("done");
                        break;
                    case "Wait":
                        await EmitAsync("waiting");
                        try { await Task.Delay(Timeout.Infinite, stop); }
                        catch (OperationCanceledException) { Cancelled = true; throw; }
                        break;
                    case "Stubborn":
                        await EmitAsync("waiting");
                        await Task.Delay(5000, CancellationToken.None);
                        break;
                    case "Fail":
                        await EmitAsync("before");
                        await Task.Yield();
                        throw new FormatException("the original");
                    case "Ask":
                        await EmitAsync(await ConfirmAsync("thing", "Break"));
                        break;
                    case "Late":
                        _ = Task.Run(async () =>
                        {
                            await Task.Delay(300, CancellationToken.None);
                            try { await EmitAsync("late"); Late = "accepted"; }
                            catch (Exception e) { Late = e.GetType().Name + ": " + e.Message; }
                            Ended.Set();
                        });
                        break;
                    case "Progress":
                        for (int i = 0; i < Count; i++) { ReportProgress("step " + i, i, Count); await Task.Delay(1, stop); }
                        break;
                }
            }
        }
'@
    Import-Module $script:probe
}

AfterAll {
    Remove-Module (Split-Path -LeafBase $script:probe) -ErrorAction Ignore
}

Describe 'RouterCmdlet' -Tag Unit {
    BeforeEach {
        [TestProbeCommand]::Reset()
    }

    It 'writes everything in order' {
        $written = Test-Probe Emit -Count 5000
        $written.Count | Should -Be 5000
        Compare-Object $written (0..4999) -SyncWindow 0 | Should -BeNullOrEmpty
    }

    It 'handles each input object' {
        (1..3 | Test-Probe Emit -Count 2).Count | Should -Be 6
    }

    It 'writes to all streams' {
        $output = Test-Probe Streams -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings -WarningAction SilentlyContinue `
            -InformationVariable notes -InformationAction SilentlyContinue -Verbose -Debug 4>&1 5>&1
        $errors[0].FullyQualifiedErrorId | Should -Be 'ProbeError,TestProbeCommand'
        $warnings[0].Message | Should -Be 'careful'
        $notes[0].Tags | Should -Contain 'audit'
        $output.Where{ $_ -is [Management.Automation.VerboseRecord] }.Message | Should -Be 'because'
        $output.Where{ $_ -is [Management.Automation.DebugRecord] }.Message | Should -Be 'C: NOOP'
    }

    It 'slows the work when the consumer is slow' {
        $seen = 0
        Test-Probe Emit -Count 5000 | ForEach-Object {
            $seen++
            if ($seen -eq 1) {
                Start-Sleep -Milliseconds 200
                [TestProbeCommand]::Written | Should -BeLessThan 1000
            }
        }
        $seen | Should -Be 5000
    }

    It 'ends when a command down the pipeline has had enough' {
        Test-Probe Wait | Select-Object -First 1 | Should -Be 'waiting'
        [TestProbeCommand]::Cancelled | Should -BeTrue
    }

    It 'stops within a second' {
        $running = Start-StoppableScript 'Test-Probe Wait' -Import $script:probe
        Wait-Condition { $running.Output.Count -gt 0 }
        (Stop-StoppableScript $running).TotalMilliseconds | Should -BeLessThan 1000
        [TestProbeCommand]::Cancelled | Should -BeTrue
    }

    It 'stops within a second even when the work takes no notice' {
        $running = Start-StoppableScript 'Test-Probe Stubborn' -Import $script:probe
        Wait-Condition { $running.Output.Count -gt 0 }
        (Stop-StoppableScript $running).TotalMilliseconds | Should -BeLessThan 1000
    }

    It 'stops while a question is open' {
        $running = Start-StoppableScript '$ConfirmPreference = "Low"; Test-Probe Wait; Test-Probe Ask' -Import $script:probe
        Wait-Condition { $running.Output.Count -gt 0 }
        (Stop-StoppableScript $running).TotalMilliseconds | Should -BeLessThan 1000
    }

    It 'throws the original exception after what was written before' {
        $written = [Collections.Generic.List[object]]::new()
        $caught = $null
        try { Test-Probe Fail | ForEach-Object { $written.Add($_) } } catch { $caught = $_ }
        $written | Should -Be 'before'
        $caught.Exception | Should -BeOfType [FormatException]
        $caught.Exception.Message | Should -Be 'the original'
    }

    It 'leaves the decision about errors to the caller' {
        { Test-Probe Streams -ErrorAction Stop -WarningAction SilentlyContinue } | Should -Throw -ErrorId 'ProbeError,TestProbeCommand'
    }

    It 'answers -WhatIf and -Confirm' {
        Test-Probe Ask -WhatIf | Should -BeFalse
        Test-Probe Ask -Confirm:$false | Should -BeTrue
    }

    It 'refuses what is written after its end' {
        Test-Probe Late | Should -BeNullOrEmpty
        [TestProbeCommand]::Ended.Wait(5000) | Should -BeTrue
        [TestProbeCommand]::Late | Should -BeLike 'InvalidOperationException: Written after*'
    }

    It 'shows progress at most four times a second, and completes it' {
        $powershell = [powershell]::Create()
        $null = $powershell.AddCommand('Import-Module').AddParameter('Name', $script:probe).Invoke()
        $powershell.Commands.Clear()
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $null = $powershell.AddCommand('Test-Probe').AddParameter('Mode', 'Progress').AddParameter('Count', 700).Invoke()
        $records = $powershell.Streams.Progress.ReadAll()
        $records.Count | Should -BeGreaterThan 1
        $records.Count | Should -BeLessOrEqual ($watch.Elapsed.TotalSeconds * 4 + 2)
        $records[-1].RecordType | Should -Be 'Completed'
        $powershell.Dispose()
    }
}
