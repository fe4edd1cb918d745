BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)
}

Describe 'The cmdlets of the configuration' -Tag Unit {
    BeforeEach {
        $script:file = Join-Path $TestDrive "$(New-Guid)/router.json"
        $PSDefaultParameterValues['*-Router*:ConfigurationPath'] = $script:file
    }

    AfterEach {
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
    }

    Context 'profiles' {
        It 'are made, listed, changed and removed' {
            $made = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName mail.example.test -Settlement Move:Done
            $made.Tls | Should -Be 'Implicit'
            $made.CredentialSource | Should -Be 'Mailbox'
            $made.Settlement.Folder | Should -Be 'Done'

            (Get-RouterProfile).Host | Should -Be 'mail.example.test'
            Set-RouterProfile In -Port 1995 -Tls StartTls | Should -BeNullOrEmpty
            $changed = Get-RouterProfile in
            $changed.Port | Should -Be 1995
            $changed.Tls | Should -Be 'StartTls'
            $changed.Host | Should -Be 'mail.example.test'
            $changed | Set-RouterProfile -Port $null -PassThru | ForEach-Object Port | Should -BeNullOrEmpty

            Get-RouterProfile | Remove-RouterProfile
            Get-RouterProfile | Should -BeNullOrEmpty
        }

        It 'keep their secrets to themselves' {
            $credential = New-TestCredential -UserName 'relay' -Password 'Tr0ub4dor&3'
            $made = New-RouterProfile -Name Out -Direction Outgoing -System Smtp -HostName relay.example.test -Credential $credential
            $made.UserName | Should -Be 'relay'
            Get-Content -Raw $script:file | Should -Not -Match 'Tr0ub4dor'
            ($made | Format-List * | Out-String) + ($made | ConvertTo-Json -Depth 9) | Should -Not -Match 'Tr0ub4dor|[Ss]ecret'
        }

        It 'work on a folder' {
            $folder = Join-Path $TestDrive 'mail/{domain}/{local}'
            $made = New-RouterProfile -Name Local -Direction Incoming -System Maildir -Path $folder -Settlement MarkRead
            $made.Path | Should -Be $folder
            $made.CredentialSource | Should -Be 'Anonymous'
            $made.Host | Should -BeNullOrEmpty
            Push-Location $TestDrive
            (New-RouterProfile -Name Drop -Direction Outgoing -System DropFolder -Path ./drop).Path | Should -Be (Join-Path $TestDrive 'drop')
            Pop-Location
            { New-RouterProfile -Name X -Direction Incoming -System Maildir -Path $folder -HostName h.example.test } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterProfile -Name X -Direction Incoming -System Maildir -Path $folder -ProcessAccount } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterProfile -Name X -Direction Incoming -System Pop3 -Path $folder -ErrorAction Stop } | Should -Throw -ErrorId 'RouterConfigurationInvalid*'
        }

        It 'get tokens by <Flow>' -ForEach @(
            @{ Flow = 'ClientCredentials'; With = { @{ ClientId = 'app'; TenantId = 'contoso.test'; ClientSecret = ConvertTo-SecureString 'Tr0ub4dor&3' -AsPlainText -Force } } }
            @{ Flow = 'ClientCredentials'; With = { @{ ClientId = 'app'; TenantId = 'contoso.test'; ClientSecret = New-TestCredential -Password 'Tr0ub4dor&3' } } }
            @{ Flow = 'Certificate'; With = { @{ ClientId = 'app'; Authority = 'https://sts.contoso.test/adfs'; CertificatePath = Join-Path $TestDrive 'app.pfx'; CertificatePassword = ConvertTo-SecureString 'Tr0ub4dor&3' -AsPlainText -Force } } }
            @{ Flow = 'Certificate'; With = { @{ ClientId = 'app'; TenantId = 'contoso.test'; CertificateThumbprint = 'a' * 40 } } }
            @{ Flow = 'ManagedIdentity'; With = { @{ ManagedIdentity = $true } } }
            @{ Flow = 'DeviceCode'; With = { @{ ClientId = 'app'; TenantId = 'contoso.test'; DeviceCode = $true; UserName = 'admin@contoso.test' } } }
            @{ Flow = 'Interactive'; With = { @{ ClientId = 'app'; TenantId = 'contoso.test'; Interactive = $true } } }
            @{ Flow = 'Command'; With = { @{ TokenCommand = 'pwsh'; TokenArgument = '-File', 'token.ps1', '{resource}' } } }
            @{ Flow = 'Command'; With = { @{ TokenScript = [scriptblock]::Create("`n`$t = 'abc'`r`n    `$t`n  `n"); TenantId = 'contoso.test' } } }
        ) {
            $parameters = & $With
            $made = New-RouterProfile -Name Online -Direction Incoming -System Imap -HostName outlook.office365.com @parameters
            $made.CredentialSource | Should -Be 'OAuth'
            $made.OAuthFlow | Should -Be $Flow
            (Get-RouterProfile Online).OAuthFlow | Should -Be $Flow
            Get-Content -Raw $script:file | Should -Not -Match 'Tr0ub4dor'
            $stored = (Get-Content -Raw $script:file | ConvertFrom-Json).profiles[0].oAuth
            if ($stored.script) { $stored.script | Should -Be "`$t = 'abc'", '    $t' }
            elseif ($Flow -eq 'Command') { Split-Path -IsAbsolute $stored.command | Should -BeTrue }
            if ($parameters.ContainsKey('CertificateThumbprint')) { $stored.certificate | Should -BeExactly ('A' * 40) }
            ($made | Format-List * | Out-String) | Should -Not -Match 'Tr0ub4dor|aesgcm'
        }

        It 'refuse a token script that needs the session it was written in' -ForEach @(
            @{ Reads = '$secret'; Script = { Get-Token -Secret $secret } }
            @{ Reads = '$using:secret'; Script = { Get-Token -Secret $using:secret } }
            @{ Reads = '$global:secret'; Script = { "Bearer $($global:secret.Value)" } }
            @{ Reads = '@parameters, $PSScriptRoot'; Script = { & { Get-Token @parameters -Path $PSScriptRoot } } }
        ) {
            { New-RouterProfile Online -Direction Incoming -System Imap -HostName h.example.test -TokenScript $Script } |
                Should -Throw "*reads $($Reads), which*" -ErrorId 'RouterTokenScriptNotAlone,*'
            Get-RouterProfile | Should -BeNullOrEmpty
        }

        It 'take a token script that sets what it reads' {
            $null = New-RouterProfile Online -Direction Incoming -System Imap -HostName h.example.test -TokenScript {
                param($Seconds = 60)
                $ErrorActionPreference = 'Stop'
                $a, [string] $b = $env:EMAILROUTER_SCOPE, $env:EMAILROUTER_USER
                foreach ($one in $a) { $script:last = $one }
                Set-Variable -Name c -Value 1
                Invoke-RestMethod https://sts.example.test -SessionVariable session -ResponseHeadersVariable headers -OutVariable +all
                1..3 | ForEach-Object { "$_ $PID $HOME $($_.Length)" }
                @{ access_token = "$b$c$last$session$headers$all"; expires_in = $Seconds }
            }
            (Get-Content -Raw $script:file | ConvertFrom-Json).profiles[0].oAuth.script.Count | Should -Be 8
            (Set-RouterProfile Online -TokenScript { 'other' } -PassThru).OAuthFlow | Should -Be 'Command'
            (Get-Content -Raw $script:file | ConvertFrom-Json).profiles[0].oAuth.script | Should -Be " 'other' "
            { Set-RouterProfile Online -TokenScript { 'other' } -TokenCommand pwsh } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
        }

        It 'keep application and tenant when the secret changes, and lose tokens with another log-in' {
            $secret = ConvertTo-SecureString 'one' -AsPlainText -Force
            $null = New-RouterProfile -Name Online -Direction Incoming -System Imap -HostName h.example.test -ClientId app -TenantId contoso.test -ClientSecret $secret
            $before = Get-Content -Raw $script:file
            $changed = Set-RouterProfile Online -ClientSecret (ConvertTo-SecureString 'two' -AsPlainText -Force) -PassThru
            $changed.ClientId, $changed.TenantId | Should -Be 'app', 'contoso.test'
            Get-Content -Raw $script:file | Should -Not -Be $before
            (Set-RouterProfile Online -ProcessAccount -PassThru).OAuthFlow | Should -BeNullOrEmpty
            { Set-RouterProfile Online -ManagedIdentity -DeviceCode } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { Set-RouterProfile Online -HostName h.example.test -Url https://h.example.test } | Should -Throw -ErrorId 'RouterParameterAmbiguous*'
        }

        It 'take no secret as text, and say what is missing' {
            { New-RouterProfile -Name X -Direction Incoming -System Imap -HostName h.example.test -ClientId app -TenantId t -ClientSecret 'text' } | Should -Throw '*history*'
            New-RouterProfile -Name X -Direction Incoming -System Imap -HostName h.example.test -DeviceCode -ErrorAction SilentlyContinue -ErrorVariable errors | Should -BeNullOrEmpty
            "$errors" | Should -Match 'clientId'
            "$errors" | Should -Match 'tenantId'
        }

        It 'name folders and access as settings of the system' {
            $made = New-RouterProfile -Name In -Direction Incoming -System Imap -HostName h.example.test -Folder INBOX, Orders -Options @{ compress = 'false' }
            $made.Options['folders'] | Should -Be 'INBOX, Orders'
            $made.Options['compress'] | Should -Be 'false'
            (Set-RouterProfile In -Folder INBOX -PassThru).Options['folders'] | Should -Be 'INBOX'
            (Get-RouterProfile In).Options['compress'] | Should -Be 'false'
        }

        It 'say that nobody signs in where nobody does' {
            $null = New-RouterProfile -Name In -Direction Incoming -System Imap -HostName h.example.test
            { Register-RouterSignIn In -ErrorAction Stop } | Should -Throw -ErrorId 'RouterSignInNotNeeded*'
            { Get-RouterProfile In | Register-RouterSignIn -ErrorAction Stop } | Should -Throw -ErrorId 'RouterSignInNotNeeded*'
            { Register-RouterSignIn Nobody -ErrorAction Stop } | Should -Throw -ErrorId 'RouterProfileNotFound*'
            { Register-RouterSignIn -Deployment Nobody -ErrorAction Stop } | Should -Throw -ErrorId 'RouterDeploymentNotFound*'
            { Register-RouterSignIn -Profile In -Deployment Main } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
        }

        It 'take their credential from one place' {
            { New-RouterProfile -Name X -Direction Outgoing -System Smtp -HostName h.example.test -Anonymous -Credential (New-TestCredential) } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterProfile -Name X -Direction Outgoing -System Smtp -HostName h.example.test -Url https://h.example.test } | Should -Throw -ErrorId 'RouterParameterAmbiguous*'
            (New-RouterProfile -Name X -Direction Outgoing -System Smtp -HostName h.example.test -Anonymous).CredentialSource | Should -Be 'Anonymous'
            (Set-RouterProfile -Name X -Credential (New-TestCredential) -PassThru).CredentialSource | Should -Be 'Profile'
            (Set-RouterProfile -Name X -MailboxCredential -PassThru).UserName | Should -BeNullOrEmpty
        }

        It 'are found by wildcard, and by direction' {
            $null = 'A1', 'A2', 'B1' | ForEach-Object { New-RouterProfile -Name $_ -Direction Incoming -System Pop3 -HostName h.example.test }
            $null = New-RouterProfile -Name A3 -Direction Outgoing -System Smtp -HostName h.example.test
            (Get-RouterProfile A*).Name | Should -Be 'A1', 'A2', 'A3'
            (Get-RouterProfile -Direction Outgoing).Name | Should -Be 'A3'
            Get-RouterProfile Z* | Should -BeNullOrEmpty
        }

        It 'are made from a table' {
            @'
Name,Direction,System,HostName,Port,Tls
In,Incoming,Pop3,mail.example.test,110,StartTls
Out,Outgoing,Smtp,mail.example.test,587,StartTls
'@ | ConvertFrom-Csv | New-RouterProfile | ForEach-Object Port | Should -Be 110, 587
        }

        It 'say what is wrong with them' -ForEach @(
            @{ Id = 'RouterProfileExists'; Script = { New-RouterProfile -Name in -Direction Incoming -System Pop3 -HostName h.example.test } }
            @{ Id = 'RouterConfigurationInvalid'; Script = { New-RouterProfile -Name O -Direction Outgoing -System Smtp -HostName h.example.test -Settlement Delete } }
            @{ Id = 'RouterProfileNotFound'; Script = { Get-RouterProfile Nobody } }
            @{ Id = 'RouterProfileNotFound'; Script = { Set-RouterProfile Nobody -Port 1 } }
            @{ Id = 'RouterProfileNotFound'; Script = { Remove-RouterProfile Nobody } }
            @{ Id = 'RouterConfigurationInvalid'; Script = { New-RouterDeployment -Name M -Path (Join-Path $TestDrive 'm.db') -Create -IncomingProfile Nobody } }
            @{ Id = 'RouterConfigurationInvalid'; Script = { New-RouterDeployment -Name M -Path (Join-Path $TestDrive 'm.db') -Create -OutgoingProfile In } }
            @{ Id = 'RouterConfigurationInvalid'; Script = { New-RouterProfile -Name X -Direction Incoming -System Pop4 -HostName h.example.test } }
            @{ Id = 'RouterProfileInUse'; Script = { $null = New-RouterDeployment -Name M -Path (Join-Path $TestDrive 'm.db') -Create -IncomingProfile In; Remove-RouterProfile In } }
        ) {
            $null = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName h.example.test
            # Pester runs tests with errors that stop; these cmdlets are to go on.
            $ErrorActionPreference = 'Continue'
            $record = & $Script 2>&1 | Where-Object { $_ -is [Management.Automation.ErrorRecord] } | Select-Object -Last 1
            $record.FullyQualifiedErrorId | Should -BeLike "$Id,*"
            $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
            $record.CategoryInfo.Category | Should -Not -Be 'NotSpecified'
        }

        It 'refuse a settlement that is none' {
            { New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName h.example.test -Settlement Burn } | Should -Throw '*Move:Archive*'
        }
    }

    Context 'deployments' {
        It 'are made, listed, changed and removed' {
            $null = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName mail.example.test
            Push-Location $TestDrive
            $made = New-RouterDeployment Main ./crm.db -Create -IncomingProfile In
            Pop-Location
            $made.Path | Should -Be (Join-Path (Get-Item $TestDrive).FullName 'crm.db')
            $made.System | Should -Be 'Embedded'
            Test-Path $made.Path | Should -BeTrue
            Get-RouterDeployment | Set-RouterDeployment -Enabled $false -IncomingProfile ''
            $changed = Get-RouterDeployment main
            $changed.Enabled | Should -BeFalse
            $changed.IncomingProfile | Should -BeNullOrEmpty
            Remove-RouterDeployment Main
            Get-RouterDeployment | Should -BeNullOrEmpty
        }

        It 'make no CRM unasked' {
            New-RouterDeployment Main (Join-Path $TestDrive 'typo.db') -ErrorAction SilentlyContinue -ErrorVariable errors | Should -BeNullOrEmpty
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'CrmStoreMissing,*'
            Join-Path $TestDrive 'typo.db' | Should -Not -Exist
            Get-RouterDeployment | Should -BeNullOrEmpty
        }

        It 'report a missing one without stopping the others' {
            $null = New-RouterDeployment Main (Join-Path $TestDrive "$(New-Guid).db") -Create
            $found = Get-RouterDeployment Nobody, Main -ErrorVariable errors -ErrorAction SilentlyContinue
            $found.Name | Should -Be 'Main'
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'RouterDeploymentNotFound,*'
            $errors[0].TargetObject | Should -Be 'Nobody'
            $errors[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        }
    }

    It 'change nothing under -WhatIf' {
        $null = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName mail.example.test
        $null = New-RouterDeployment Main (Join-Path $TestDrive "$(New-Guid).db") -Create
        $before = Get-Content -Raw $script:file
        New-RouterProfile -Name X -Direction Incoming -System Pop3 -HostName mail.example.test -WhatIf | Should -BeNullOrEmpty
        New-RouterDeployment X ./x.db -Create -WhatIf | Should -BeNullOrEmpty
        Set-RouterProfile In -Port 5 -WhatIf
        Set-RouterDeployment Main -Enabled $false -WhatIf
        Remove-RouterProfile In -WhatIf
        Remove-RouterDeployment Main -WhatIf
        './x.db' | Should -Not -Exist
        Get-Content -Raw $script:file | Should -Be $before
    }

    It 'carry the configuration along the pipeline' {
        $null = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName mail.example.test
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
        Get-RouterProfile -ConfigurationPath $script:file | Set-RouterProfile -Port 7
        (Get-RouterProfile -ConfigurationPath $script:file).Port | Should -Be 7
    }

    It 'say what is wrong with a damaged configuration' {
        $null = New-Item -Path (Split-Path $script:file) -ItemType Directory
        Set-Content $script:file '{ "Deployments": [ '
        { Get-RouterDeployment } | Should -Throw -ErrorId 'RouterConfiguration*'
        { New-RouterDeployment Main (Join-Path $TestDrive "$(New-Guid).db") -Create -ErrorAction Stop } | Should -Throw -ErrorId 'RouterConfiguration*'
        Get-Content -Raw $script:file | Should -BeLike '{ "Deployments": `[*'
    }

    It 'complete names' {
        $null = New-RouterProfile -Name In -Direction Incoming -System Pop3 -HostName mail.example.test
        $null = New-RouterProfile -Name 'In two' -Direction Incoming -System Pop3 -HostName mail.example.test
        $null = New-RouterDeployment Main (Join-Path $TestDrive "$(New-Guid).db") -Create
        $line = "Get-RouterProfile -ConfigurationPath '$script:file' -Name "
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'In', "'In two'"
        $line = "Get-RouterDeployment -ConfigurationPath '$script:file' -Name m"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'Main'
        Push-Location (Split-Path $script:file)
        $line = 'Get-RouterDeployment -ConfigurationPath ./router.json -Name '
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'Main'
        Pop-Location
        $line = 'New-RouterProfile -Settlement M'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain 'MarkRead'
    }

    It 'complete nothing, without a word, when the configuration is damaged' {
        $null = New-Item -Path (Split-Path $script:file) -ItemType Directory
        Set-Content $script:file 'nonsense'
        $line = "Get-RouterDeployment -ConfigurationPath '$script:file' -Name "
        $errors = $Error.Count
        (TabExpansion2 $line $line.Length).CompletionMatches.Where{ $_.ResultType -eq 'ParameterValue' } | Should -BeNullOrEmpty
        $Error.Count | Should -Be $errors
    }

    Context 'deployments reached by HTTP' {
        BeforeEach {
            $line = 'New-RouterDeployment -System '
            $script:systems = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
            $script:app = @{ ClientId = 'app'; TenantId = 'contoso.test' }
            $script:secret = ConvertTo-SecureString 'Tr0ub4dor&3' -AsPlainText -Force
        }

        It 'log in by one way' {
            if ('Dataverse' -notin $script:systems) { Set-ItResult -Skipped -Because 'this version knows no Dataverse'; return }
            $url = 'https://contoso.example.test'
            $made = New-RouterDeployment Online -Url $url @script:app -ClientSecret $script:secret -Decides Server -OrganizationName Contoso
            $made.System, $made.Authentication, $made.OAuthFlow, $made.Decides, $made.OrganizationName | Should -Be 'Dataverse', 'OAuth', 'ClientCredentials', 'Server', 'Contoso'
            (New-RouterDeployment Windows -Url $url -Credential (New-TestCredential)).Authentication | Should -Be 'Password'
            (New-RouterDeployment Own -Url $url -ProcessAccount).Authentication | Should -Be 'Process'
            (New-RouterDeployment Machine -Url $url -ManagedIdentity).OAuthFlow | Should -Be 'ManagedIdentity'
            Get-Content -Raw $script:file | Should -Not -Match 'Tr0ub4dor'
            (Set-RouterDeployment Online -AddApplication -ClientId second -ClientSecret $script:secret -PassThru).ClientId | Should -Be 'app', 'second'
            (Set-RouterDeployment Online -RemoveApplication second -PassThru).ClientId | Should -Be 'app'
            (Set-RouterDeployment Online -ProcessAccount -PassThru).OAuthFlow | Should -BeNullOrEmpty
        }

        It 'cannot be combined wrongly' {
            { New-RouterDeployment X -Path ./x.db -Url https://h.example.test -ManagedIdentity } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterDeployment X -Path ./x.db -ClientSecret $script:secret } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterDeployment X -Url https://h.example.test -ManagedIdentity -ProcessAccount } | Should -Throw -ErrorId 'AmbiguousParameterSet*'
            { New-RouterDeployment X -Url https://h.example.test -System Nothing -ManagedIdentity -ErrorAction Stop } | Should -Throw -ErrorId 'RouterConfigurationInvalid*'
        }
    }
}
